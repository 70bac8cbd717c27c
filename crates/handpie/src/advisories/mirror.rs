//! Advisories from a server: a ZIP, or Go's vulnerability database (go.dev/doc/security/vuln/database),
//! which has all advisories in `vulndb.zip`, and each by itself below `ID/`.
//!
//! This is the only file that opens a connection, and only `handpie db update` and an address behind
//! `--db` lead here.

use std::cell::{Cell, RefCell};
use std::io::{Cursor, ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use handpie_binary::counted;
use handpie_vuln::Builder;
use handpie_vuln::limits::MAX_DATABASE_SIZE;
use handpie_vuln::source::{EXPECTED, UnusableDatabase, add_state, collect_zip};
use serde::Deserialize;
use ureq::config::Config;
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::failure::Failure;
use crate::report::Working;

/// How long a server may take for one answer.
const TIME: Duration = Duration::from_secs(300);
/// How long it may take for all of them, if nothing else is said.
pub(crate) const WHOLE_TIME: Duration = Duration::from_secs(900);
/// How long it may take to begin one.
const TIME_TO_CONNECT: Duration = Duration::from_secs(30);
/// Advisories in an index; more than all of OSV has.
const MAX_ADVISORIES: usize = 1 << 19;
/// The largest file of a database that is not a ZIP, in bytes. Go's index has 400 KB.
const MAX_FILE_SIZE: u64 = 64 << 20;
/// So much is read before the progress is shown anew, in bytes.
const CHUNK: usize = 64 << 10;

/// How advisories are fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetch<'w> {
    /// How long each server may take for all of its answers.
    time: Duration,
    /// Where the progress is shown.
    working: Option<&'w Working>,
}

impl<'w> Fetch<'w> {
    /// Without a word, in the usual time.
    pub(crate) const QUIET: Self = Self {
        time: WHOLE_TIME,
        working: None,
    };

    /// Shows the progress in `working`, and takes at most so many seconds for each server.
    pub(crate) fn shown(working: &'w Working, seconds: u64) -> Self {
        Self {
            time: Duration::from_secs(seconds),
            working: Some(working),
        }
    }

    fn progress(&self, done: u64, all: Option<u64>) {
        if let Some(working) = self.working {
            working.progress(done, all);
        }
    }
}

/// Adds every advisory that the server has.
pub(super) fn collect(
    address: &str,
    builder: &mut Builder,
    fetch: Fetch<'_>,
) -> Result<(), Failure> {
    let server = Server::new(address, fetch)?;
    if address.ends_with(".zip") {
        return server.zip(address, builder);
    }
    match server.whole("/vulndb.zip")? {
        Some(file) => collect_zip(address, Cursor::new(file), builder).map_err(Failure::from),
        None => server.one_by_one(builder),
    }
}

struct Server<'a> {
    address: &'a str,
    fetch: Fetch<'a>,
    started: Instant,
    config: Config,
    agent: RefCell<Agent>,
    /// How many answers there were. From the second on, the connection is one that was idle.
    answers: Cell<u64>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

impl<'a> Server<'a> {
    fn new(address: &'a str, fetch: Fetch<'a>) -> Result<Self, Failure> {
        let certificates = match std::env::var_os("SSL_CERT_FILE") {
            Some(path) => certificates(&path.to_string_lossy())?,
            None => RootCerts::WebPki,
        };
        let config = Agent::config_builder()
            .timeout_connect(Some(TIME_TO_CONNECT))
            .user_agent(concat!("handpie/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .tls_config(TlsConfig::builder().root_certs(certificates).build())
            .build();
        Ok(Self {
            address,
            fetch,
            started: Instant::now(),
            agent: RefCell::new(config.clone().into()),
            config,
            answers: Cell::new(0),
        })
    }

    fn zip(&self, address: &str, builder: &mut Builder) -> Result<(), Failure> {
        match self.whole("")? {
            Some(file) => collect_zip(address, Cursor::new(file), builder).map_err(Failure::from),
            None => Err(Failure::from(UnusableDatabase::new(address))
                .cause("the server reports that the file does not exist")),
        }
    }

    /// A mirror without a ZIP: the index says which advisories there are.
    fn one_by_one(&self, builder: &mut Builder) -> Result<(), Failure> {
        let wrong = |path: &str, cause: &dyn std::fmt::Display| {
            let failure =
                Failure::from(UnusableDatabase::new(self.address)).cause(format!("`{path}`"));
            failure.cause(cause).hint(EXPECTED)
        };
        let needed = |path: &str| {
            let answer = self.get(path, MAX_FILE_SIZE)?;
            answer.ok_or_else(|| wrong(path, &"the server reports that the file does not exist"))
        };
        let index = "/index/vulns.json";
        let listed: Vec<Listed> =
            serde_json::from_slice(&needed(index)?).map_err(|cause| wrong(index, &cause))?;
        if listed.len() > MAX_ADVISORIES {
            return Err(wrong(
                index,
                &format!(
                    "the index lists {} advisories; expected at most \
                                              {MAX_ADVISORIES}",
                    listed.len()
                ),
            ));
        }
        let all = listed.len();
        for (done, Listed { id }) in listed.into_iter().enumerate() {
            self.fetch.progress(done as u64, Some(all as u64));
            // What a server writes becomes part of an address.
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if id.is_empty() || !id.chars().all(fits) {
                return Err(wrong(index, &format!("`{id}` is not an advisory ID")));
            }
            let path = format!("/ID/{id}.json");
            let json = needed(&path).map_err(|failure| {
                failure.cause(format!("{done} of {all} advisories were received"))
            })?;
            builder.add(&json).map_err(|cause| wrong(&path, &cause))?;
        }
        let path = "/index/db.json";
        add_state(&needed(path)?, builder).map_err(|cause| wrong(path, &cause))
    }

    /// A file that holds the whole database; the progress is that of its bytes.
    fn whole(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        self.get(path, MAX_DATABASE_SIZE)
    }

    /// The body of an answer; `None` when there is no such thing.
    fn get(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, Failure> {
        let address = format!("{}{path}", self.address);
        let answer = self.ask(&address);
        let mut answer = answer.map_err(|cause| self.failed(&address, &cause))?;
        match answer.status().as_u16() {
            200 => {}
            // Buckets answer 403 for what is not there.
            403 | 404 | 410 => return Ok(None),
            status => {
                let cause = format!("the server responded with status {status}");
                return Err(self.failed(&address, &cause));
            }
        }
        let body = self.body(&mut answer, most);
        body.map(Some)
            .map_err(|cause| self.failed(&address, &cause))
    }

    /// Asks for something. A server may close a connection that was idle at the moment at which the
    /// next request is sent; GET changes nothing, so it is sent again on a new connection (RFC 9112,
    /// 9.3.1).
    fn ask(&self, address: &str) -> Result<Response<Body>, ureq::Error> {
        let answer = match self.call(address) {
            Err(error) if self.answers.get() > 0 && is_closed(&error) => {
                self.agent.replace(self.config.clone().into());
                self.call(address)
            }
            answer => answer,
        };
        self.answers.set(self.answers.get().saturating_add(1));
        answer
    }

    fn call(&self, address: &str) -> Result<Response<Body>, ureq::Error> {
        // No time at all would be no limit.
        let left = self.left().max(Duration::from_millis(1));
        let agent = self.agent.borrow();
        let request = agent.get(address).config();
        request.timeout_global(Some(left.min(TIME))).build().call()
    }

    /// The time that is left for all answers.
    fn left(&self) -> Duration {
        self.fetch.time.saturating_sub(self.started.elapsed())
    }

    fn body(&self, answer: &mut Response<Body>, most: u64) -> Result<Vec<u8>, std::io::Error> {
        let is_whole = most == MAX_DATABASE_SIZE;
        let size = answer.body().content_length();
        let mut reader = answer.body_mut().with_config().limit(most).reader();
        let mut bytes = Vec::new();
        loop {
            let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)?;
            if read == 0 {
                return Ok(bytes);
            }
            if is_whole {
                self.fetch.progress(bytes.len() as u64, size);
            }
        }
    }

    fn failed(&self, address: &str, cause: &dyn std::fmt::Display) -> Failure {
        let failure =
            Failure::from(UnusableDatabase::new(self.address)).cause(format!("GET {address}"));
        // rustls reaches us as an error of I/O, so there is only its text to go by.
        let is_distrust = cause.to_string().contains("certificate");
        let mut failure = match self.left().is_zero() {
            true => {
                let most = counted(self.fetch.time.as_secs(), "second");
                let failure = failure.cause(format!("the server took longer than {most}"));
                failure.hint("`handpie db update --max-time SECONDS` allows more")
            }
            false => failure.cause(cause),
        };
        if is_distrust {
            failure = failure.hint("set SSL_CERT_FILE to a file with trusted certificates");
        }
        failure.hint("the previous database is unchanged; `--from` also accepts files")
    }
}

/// Whether the other side has closed the connection instead of answering.
fn is_closed(error: &ureq::Error) -> bool {
    let ureq::Error::Io(error) = error else {
        return false;
    };
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
    )
}

/// The authorities that a file names: those of a company's own servers.
fn certificates(path: &str) -> Result<RootCerts, Failure> {
    let failed = |cause: &dyn std::fmt::Display| {
        let message = format!("failed to read the certificates in `{path}` (SSL_CERT_FILE)");
        Failure::new(crate::exit::Exit::Input, message).cause(cause)
    };
    let text = std::fs::read(path).map_err(|cause| failed(&cause))?;
    let items = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    let found = items.collect::<Result<Vec<Certificate<'static>>, _>>();
    let found = found.map_err(|cause| failed(&cause))?;
    if found.is_empty() {
        return Err(failed(&"the file contains no certificate"));
    }
    Ok(RootCerts::Specific(Arc::new(found)))
}
