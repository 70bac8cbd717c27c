//! Mirrors that close connections, and mirrors that take their time.

use std::time::{Duration, Instant};

use crate::database::{assert_whole, mirrored, updated};
use crate::server::{Manner, Server};
use crate::workshop::Workshop;

/// Far above the limits that are set here, and far below those that are not.
const SOON: Duration = Duration::from_secs(30);

const POLITE: Manner = Manner {
    answers: usize::MAX,
    delay: Duration::ZERO,
    by_the_byte: false,
};

#[test]
fn a_server_that_closes_an_idle_connection_is_asked_again() {
    for answers in [1, 2, usize::MAX] {
        let server = Server::behaving(mirrored(), Manner { answers, ..POLITE });
        let workshop = Workshop::new("");
        assert_whole(&updated(&workshop, &server.address), "2026-01-05T00:00:00Z");
        let mut asked = server.asked();
        let count = asked.len();
        asked.dedup();
        assert_eq!(asked.len(), count, "each was answered once: {asked:?}");
    }
}

#[test]
fn a_server_that_closes_every_connection_is_given_up() {
    let server = Server::behaving(
        mirrored(),
        Manner {
            answers: 0,
            ..POLITE
        },
    );
    let workshop = Workshop::new("");
    let started = Instant::now();
    let ran = workshop.run(&["db", "update", "--from", &server.address]);
    assert_eq!((ran.status, ran.stdout.as_str()), (3, ""), "{ran:?}");
    assert!(ran.stderr.contains("GET http://127.0.0.1"), "{ran:?}");
    assert!(started.elapsed() < SOON);
}

#[test]
fn a_slow_server_has_a_limit_for_all_of_its_answers() {
    let mut files = mirrored();
    let listed: Vec<_> = (0..200)
        .map(|n| serde_json::json!({ "id": format!("GO-{n}") }))
        .collect();
    let listed = serde_json::Value::from(listed).to_string();
    files.insert("/index/vulns.json".to_owned(), listed.into_bytes());
    for n in 0..200 {
        let advisory = crate::workshop::advisory(&format!("GO-{n}"), "x.test/lib", &[]);
        files.insert(
            format!("/ID/GO-{n}.json"),
            advisory.to_string().into_bytes(),
        );
    }
    let delay = Duration::from_millis(100);
    for (manner, words) in [
        (
            Manner { delay, ..POLITE },
            "of 200 advisories were received",
        ),
        (
            Manner {
                delay,
                by_the_byte: true,
                ..POLITE
            },
            "/index/vulns.json",
        ),
    ] {
        let server = Server::behaving(files.clone(), manner);
        let workshop = Workshop::new("");
        let started = Instant::now();
        let ran = workshop.run(&["db", "update", "--max-time", "2", "--from", &server.address]);
        assert_eq!((ran.status, ran.stdout.as_str()), (3, ""), "{ran:?}");
        assert!(
            ran.stderr.contains("the server took longer than 2 seconds"),
            "{ran:?}"
        );
        assert!(ran.stderr.contains("--max-time"), "{ran:?}");
        assert!(ran.stderr.contains(words), "{ran:?}");
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    }
}
