//! The files of the web pages, as the front-end build leaves them: brotli and nothing else.
//!
//! What a file is called on the wire, and with which headers it goes out, is the parent module's business.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use anyhow::{Context, ensure};
use aws_lc_rs::digest;
use axum::body::Bytes;
use axum::http::HeaderValue;
use rust_embed::RustEmbed;
use tokio::sync::OnceCell;
use tokio::task;

/// What one file may unpack to, in bytes. Today's largest, the editor in GraphiQL, has 2.8 million.
pub const MAX_UNPACKED: u64 = 16 << 20;

/// How a packed file's name ends.
const PACKED: &str = ".br";

// A release binary carries the files. A dev build reads them from the source folder when it starts, so
// that new pages need no new compilation.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/web/dist"]
#[allow_missing = true]
struct Embedded;

/// All files of the pages, by their path below `web/dist` without the `.br`.
///
/// Empty when the crate was built without the pages.
#[derive(Debug, Default)]
pub struct Bundle {
    files: HashMap<String, Arc<PageFile>>,
}

impl Bundle {
    /// The files that were there when the crate was built.
    pub fn embedded() -> Self {
        Self::new(Embedded::iter().filter_map(|path| {
            let bytes = match Embedded::get(&path)?.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            };
            Some((path, bytes))
        }))
    }

    /// These files: their path, ending in `.br`, and their brotli stream. Others are left out.
    pub fn new<P: AsRef<str>>(files: impl IntoIterator<Item = (P, Bytes)>) -> Self {
        let files = files
            .into_iter()
            .filter_map(|(path, packed)| {
                let path = path.as_ref().strip_suffix(PACKED)?;
                Some((path.to_owned(), Arc::new(PageFile::new(path, packed))))
            })
            .collect();
        Self { files }
    }

    /// The file at `path`, such as `graphiql/index.html`.
    pub fn find(&self, path: &str) -> Option<&Arc<PageFile>> {
        self.files.get(path)
    }

    /// The path of each file, in no order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

/// One file of the pages.
#[derive(Debug)]
pub struct PageFile {
    content_type: &'static str,
    entity_tag: String,
    packed: Bytes,
    unpacked: OnceCell<Bytes>,
}

impl PageFile {
    fn new(path: &str, packed: Bytes) -> Self {
        let hash = digest::digest(&digest::SHA256, &packed);
        // 128 bits tell any two files apart.
        let hex: String = hash.as_ref()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            content_type: content_type(path),
            entity_tag: format!("\"{hex}\""),
            packed,
            unpacked: OnceCell::new(),
        }
    }

    /// The value of `Content-Type`.
    pub fn content_type(&self) -> HeaderValue {
        HeaderValue::from_static(self.content_type)
    }

    /// What changes when the file does, in quotes (RFC 9110, section 8.8.3), without the mark of a weak one.
    pub fn entity_tag(&self) -> &str {
        &self.entity_tag
    }

    /// The file as a brotli stream (RFC 7932).
    pub fn packed(&self) -> Bytes {
        self.packed.clone()
    }

    /// The file itself. The first call unpacks it, the others find it in memory.
    ///
    /// Fails when the stream is broken or holds more than [`MAX_UNPACKED`].
    pub async fn unpacked(&self) -> anyhow::Result<Bytes> {
        let unpack = async || {
            let packed = self.packed.clone();
            // Tens of milliseconds for the largest: too long for a thread that others wait for.
            task::spawn_blocking(move || unpack(&packed)).await?
        };
        self.unpacked.get_or_try_init(unpack).await.cloned()
    }
}

fn unpack(packed: &[u8]) -> anyhow::Result<Bytes> {
    let mut plain = Vec::new();
    brotli_decompressor::Decompressor::new(packed, 4096)
        .take(MAX_UNPACKED + 1)
        .read_to_end(&mut plain)
        .context("the brotli stream is broken")?;
    ensure!(
        plain.len() as u64 <= MAX_UNPACKED,
        "it unpacks to more than {MAX_UNPACKED} bytes"
    );
    Ok(plain.into())
}

/// The types that the front-end build writes. One that is missing here is downloaded instead of shown, since
/// browsers are told not to guess.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("md") => "text/markdown; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ttf") => "font/ttf",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
