//! Advisories from a server: a ZIP, or Go's vulnerability database (go.dev/doc/security/vuln/database),
//! which has all advisories in `vulndb.zip`, and each by itself below `ID/`.
//!
//! This is the only file that opens a connection, and only `handpie db update` and an address behind
//! `--db` lead here.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use handpie_vuln::Builder;
use handpie_vuln::limits::MAX_DATABASE_SIZE;
use handpie_vuln::source::{EXPECTED, UnusableDatabase, add_state, collect_zip};
use serde::Deserialize;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::failure::Failure;

/// How long a server may take for one answer.
const TIME: Duration = Duration::from_secs(300);
/// How long it may take to begin one.
const TIME_TO_CONNECT: Duration = Duration::from_secs(30);
/// Advisories in an index; more than all of OSV has.
const MAX_ADVISORIES: usize = 1 << 19;

/// Adds every advisory that the server has.
pub(super) fn collect(address: &str, builder: &mut Builder) -> Result<(), Failure> {
    let server = Server::new(address)?;
    if address.ends_with(".zip") {
        return server.zip(address, builder);
    }
    match server.get("/vulndb.zip")? {
        Some(file) => collect_zip(address, Cursor::new(file), builder).map_err(Failure::from),
        None => server.one_by_one(builder),
    }
}

struct Server<'a> {
    address: &'a str,
    agent: Agent,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

impl<'a> Server<'a> {
    fn new(address: &'a str) -> Result<Self, Failure> {
        let certificates = match std::env::var_os("SSL_CERT_FILE") {
            Some(path) => certificates(&path.to_string_lossy())?,
            None => RootCerts::WebPki,
        };
        let config = Agent::config_builder()
            .timeout_global(Some(TIME))
            .timeout_connect(Some(TIME_TO_CONNECT))
            .user_agent(concat!("handpie/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .tls_config(TlsConfig::builder().root_certs(certificates).build())
            .build();
        Ok(Self {
            address,
            agent: config.into(),
        })
    }

    fn zip(&self, address: &str, builder: &mut Builder) -> Result<(), Failure> {
        match self.get("")? {
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
            let answer = self.get(path)?;
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
        for Listed { id } in listed {
            // What a server writes becomes part of an address.
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if id.is_empty() || !id.chars().all(fits) {
                return Err(wrong(index, &format!("`{id}` is not an advisory ID")));
            }
            let path = format!("/ID/{id}.json");
            let json = needed(&path)?;
            builder.add(&json).map_err(|cause| wrong(&path, &cause))?;
        }
        let path = "/index/db.json";
        add_state(&needed(path)?, builder).map_err(|cause| wrong(path, &cause))
    }

    /// The body of an answer; `None` when there is no such thing.
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let address = format!("{}{path}", self.address);
        let failed = |cause: &dyn std::fmt::Display| {
            let failure =
                Failure::from(UnusableDatabase::new(self.address)).cause(format!("GET {address}"));
            // rustls reaches us as an error of I/O, so there is only its text to go by.
            let is_distrust = cause.to_string().contains("certificate");
            let mut failure = failure.cause(cause);
            if is_distrust {
                failure = failure.hint("set SSL_CERT_FILE to a file with trusted certificates");
            }
            failure.hint("the previous database is unchanged; `--from` also accepts files")
        };
        let answer = self.agent.get(&address).call();
        let mut answer = answer.map_err(|cause| failed(&cause))?;
        match answer.status().as_u16() {
            200 => {}
            // Buckets answer 403 for what is not there.
            403 | 404 | 410 => return Ok(None),
            status => {
                return Err(failed(&format!(
                    "the server responded with status {status}"
                )));
            }
        }
        let body = answer.body_mut().with_config().limit(MAX_DATABASE_SIZE);
        body.read_to_vec().map(Some).map_err(|cause| failed(&cause))
    }
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
