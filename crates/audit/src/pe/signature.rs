//! Whether the file is signed. The signature itself is not verified.

use handpie_binary::pe::Certificate;

use super::is_uefi;
use crate::finding::{Judgement, fail, pass};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const SIGNATURE: Rule = Rule {
    code: "pe-signature",
    wish: "an Authenticode signature",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: signature,
};

const SIGN: &str = "sign with `signtool sign /fd sha256 /tr URL /td sha256`, or with \
                    `osslsigncode sign`";

fn signature(subject: &Subject<'_>) -> Option<Judgement> {
    let pe = subject.pe()?;
    Some(match pe.certificate() {
        Ok(Some(certificate)) => {
            let Certificate { offset, size, kind } = certificate;
            let shown = format!("certificate of {size} bytes, `wCertificateType` {kind:#x}");
            match kind {
                Certificate::PKCS_SIGNED_DATA => {
                    pass("signed; handpie does not verify the signature").at(offset, shown)
                }
                _ => fail("the certificate is not of type Authenticode")
                    .at(offset, shown)
                    .hint(SIGN),
            }
        }
        Ok(None) if is_uefi(pe) => fail("not signed; Secure Boot refuses to start it")
            .hint("sign with `sbsign --key KEY --cert CERTIFICATE`"),
        Ok(None) => fail("not signed").hint(SIGN),
        Err(error) => fail(error.to_string()).hint(SIGN),
    })
}
