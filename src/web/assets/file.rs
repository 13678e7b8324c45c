//! One static file with what a browser asks about it; compressed forms are made at first use and kept.

use std::io::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Below this a compressed form saves no packet.
const MIN_COMPRESSED_BYTES: usize = 512;
const BROTLI_QUALITY: i32 = 9;
const BROTLI_WINDOW: i32 = 22;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Brotli,
}

impl Encoding {
    /// The best of ours that an `Accept-Encoding` header allows.
    pub(super) fn accepted(header: &str) -> Self {
        let allows = |name: &str| {
            header.split(',').map(str::trim).any(|it| {
                let (coding, rest) = it.split_once(';').unwrap_or((it, ""));
                let weight = rest.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
                coding.trim().eq_ignore_ascii_case(name) && weight.is_ok_and(|it| it > 0.0)
            })
        };
        if allows("br") {
            Self::Brotli
        } else if allows("gzip") {
            Self::Gzip
        } else {
            Self::Identity
        }
    }
}

pub(super) struct File {
    body: Bytes,
    content_type: String,
    etag: String,
    gzip: OnceLock<Option<Bytes>>,
    brotli: OnceLock<Option<Bytes>>,
}

impl File {
    pub(super) fn new(path: &str, body: Vec<u8>) -> Self {
        let digest = Sha256::digest(&body);
        let etag = digest[..12].iter().map(|it| format!("{it:02x}")).collect();
        Self {
            body: body.into(),
            content_type: content_type(path).to_owned(),
            etag,
            gzip: OnceLock::new(),
            brotli: OnceLock::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    pub(super) fn content_type(&self) -> &str {
        &self.content_type
    }

    /// A strong validator differs from form to form.
    pub(super) fn etag(&self, encoding: Encoding) -> String {
        match encoding {
            Encoding::Identity => format!("\"{}\"", self.etag),
            Encoding::Gzip => format!("\"{}-gz\"", self.etag),
            Encoding::Brotli => format!("\"{}-br\"", self.etag),
        }
    }

    /// The body as asked for, or as it is where compressing it gains nothing.
    pub(super) fn encoded(&self, wanted: Encoding) -> (Encoding, Bytes) {
        let made = match wanted {
            Encoding::Identity => None,
            Encoding::Gzip => self.gzip.get_or_init(|| self.smaller(gzip(&self.body))).clone(),
            Encoding::Brotli => self.brotli.get_or_init(|| self.smaller(brotli(&self.body))).clone(),
        };
        made.map_or_else(|| (Encoding::Identity, self.body.clone()), |it| (wanted, it))
    }

    fn smaller(&self, made: std::io::Result<Vec<u8>>) -> Option<Bytes> {
        made.ok()
            .filter(|it| self.body.len() >= MIN_COMPRESSED_BYTES && it.len() < self.body.len())
            .map(Bytes::from)
    }
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(8));
    encoder.write_all(body)?;
    encoder.finish()
}

fn brotli(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut made = Vec::new();
    let params = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &*body, &mut made, &params)?;
    Ok(made)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |it| it.1) {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "webmanifest" => "application/json; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_best_allowed_encoding_is_taken() {
        for (header, encoding) in [
            ("", Encoding::Identity),
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("GZIP;q=0.5", Encoding::Gzip),
            ("br;q=0, gzip", Encoding::Gzip),
            ("br; q=0", Encoding::Identity),
            ("zstd", Encoding::Identity),
        ] {
            assert_eq!(Encoding::accepted(header), encoding, "{header}");
        }
    }

    #[test]
    fn compressed_forms_open_to_the_same_bytes() {
        let body = b"body { color: var(--text) }\n".repeat(100);
        let file = File::new("a.css", body.clone());
        let (encoding, packed) = file.encoded(Encoding::Gzip);
        let mut opened = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut opened).expect("gzip");
        assert_eq!((encoding, &opened), (Encoding::Gzip, &body));

        let (encoding, packed) = file.encoded(Encoding::Brotli);
        let mut opened = Vec::new();
        brotli::BrotliDecompress(&mut &packed[..], &mut opened).expect("brotli");
        assert_eq!((encoding, &opened), (Encoding::Brotli, &body));
    }

    #[test]
    fn what_is_small_stays_as_it_is() {
        let file = File::new("a.css", b"p{}".to_vec());
        assert_eq!(file.encoded(Encoding::Brotli).0, Encoding::Identity);
    }

    #[test]
    fn types_fit_names() {
        for (path, expected) in [
            ("css/app.css", "text/css; charset=utf-8"),
            ("js/app.js", "text/javascript; charset=utf-8"),
            ("icons.svg", "image/svg+xml; charset=utf-8"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(path), expected);
        }
    }
}
