//! The web pages: what a browser, a cache and a client without brotli get.
//!
//! Whether the real pages are built depends on who runs this. So the rules are tested on made-up files, which
//! are always there, and the real ones only for being whole.

use axum::Router;
use axum::body::{self, Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use parlor::http::pages::bundle::{Bundle, MAX_UNPACKED};
use parlor::http::pages::{router, router_over};
use tower::ServiceExt;

const PAGE: &str = "<!doctype html><title>GraphiQL</title>";
const SCRIPT: &str = "console.log('hello')";

#[tokio::test]
async fn a_browser_gets_the_page_packed_and_asks_again_next_time() {
    let page = get(&pages(), "/graphiql", &[("accept-encoding", "gzip, br")]).await;

    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-encoding"), "br");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert_eq!(page.header("vary"), "accept-encoding");
    assert_eq!(page.body, stored(PAGE.as_bytes()));
}

#[tokio::test]
async fn a_script_named_by_its_hash_is_kept_for_good() {
    let script = get(&pages(), "/assets/a-1f2e.js", &[("accept-encoding", "br")]).await;

    assert_eq!(script.status, StatusCode::OK);
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(
        script.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
}

#[tokio::test]
async fn a_client_without_brotli_gets_the_plain_file() {
    let pages = pages();
    let refusals: [&[(&str, &str)]; 4] = [
        &[],
        &[("accept-encoding", "gzip, deflate")],
        &[("accept-encoding", "br;q=0, gzip")],
        &[("accept-encoding", "*, BR; q=0.0")],
    ];
    for headers in refusals {
        let script = get(&pages, "/assets/a-1f2e.js", headers).await;
        assert_eq!(script.status, StatusCode::OK, "{headers:?}");
        assert!(
            !script.headers.contains_key("content-encoding"),
            "{headers:?}"
        );
        assert_eq!(script.header("vary"), "accept-encoding", "{headers:?}");
        assert_eq!(script.body, SCRIPT, "{headers:?}");
    }
}

#[tokio::test]
async fn brotli_is_understood_however_it_is_asked_for() {
    let pages = pages();
    for asked in [
        "br",
        "gzip;q=1, BR;q=0.5",
        "*",
        "gzip;q=0, *;q=0.1",
        "br ; q=1",
    ] {
        let script = get(&pages, "/assets/a-1f2e.js", &[("accept-encoding", asked)]).await;
        assert_eq!(script.header("content-encoding"), "br", "{asked}");
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let pages = pages();
    let entity_tag = get(&pages, "/graphiql", &[])
        .await
        .header("etag")
        .to_owned();
    assert!(entity_tag.starts_with("W/\""), "{entity_tag}");

    let strong = entity_tag.trim_start_matches("W/");
    let in_a_list = format!("\"another\", {entity_tag}");
    for known in [&entity_tag, strong, &in_a_list, "*"] {
        let again = get(&pages, "/graphiql", &[("if-none-match", known)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(again.header("etag"), entity_tag);
        assert_eq!(again.header("cache-control"), "no-cache");
        assert_eq!(again.header("vary"), "accept-encoding");
        assert!(again.body.is_empty());
    }

    let other = get(&pages, "/graphiql", &[("if-none-match", "\"another\"")]).await;
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test]
async fn another_content_has_another_entity_tag() {
    let tag = async |content: &str| {
        let pages = router_over(bundle([("graphiql/index.html.br", content)]));
        get(&pages, "/graphiql", &[])
            .await
            .header("etag")
            .to_owned()
    };
    assert_ne!(tag("one").await, tag("two").await);
    assert_eq!(tag("one").await, tag("one").await);
}

#[tokio::test]
async fn every_answer_tells_the_browser_what_a_page_may_not_do() {
    let unbuilt = router_over(Bundle::default());
    let answers = [
        get(&pages(), "/graphiql", &[]).await,
        get(&pages(), "/assets/a-1f2e.js", &[]).await,
        get(&pages(), "/assets/nowhere.js", &[]).await,
        get(&unbuilt, "/graphiql", &[]).await,
    ];
    for answer in answers {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        let policy = answer.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self';",
            "connect-src 'self';",
        ] {
            assert!(policy.contains(rule), "{rule} in {policy}");
        }
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe-eval"), "{policy}");
        assert!(!policy.contains("http"), "no other host: {policy}");
    }
}

#[tokio::test]
async fn the_page_is_at_its_address_with_and_without_a_slash_and_the_root_leads_there() {
    let pages = pages();
    assert_eq!(get(&pages, "/graphiql", &[]).await.body, PAGE);
    assert_eq!(get(&pages, "/graphiql/", &[]).await.body, PAGE);

    let root = get(&pages, "/", &[]).await;
    assert_eq!(root.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(root.header("location"), "/graphiql");
}

#[tokio::test]
async fn nothing_but_the_bundle_is_served() {
    let pages = pages();
    for path in [
        "/assets/nowhere.js",
        "/assets/a-1f2e.js.br",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/%2e%2e/Cargo.toml",
        "/assets//etc/passwd",
        "/graphiql/note.txt",
    ] {
        assert_eq!(
            get(&pages, path, &[]).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_reading_is_possible() {
    let request = |method| Request::builder().method(method).uri("/graphiql");
    let head = send(&pages(), request("HEAD").body(Body::empty()).unwrap()).await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(head.header("content-length"), PAGE.len().to_string());
    assert!(head.body.is_empty());

    let post = send(&pages(), request("POST").body(Body::empty()).unwrap()).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_broken_or_a_bursting_file_is_a_fault_and_nothing_worse() {
    let bursting = vec![0; MAX_UNPACKED as usize + 1];
    let pages = router_over(Bundle::new([
        ("assets/broken.js.br", Bytes::from_static(b"not brotli")),
        ("assets/bursting.js.br", stored(&bursting)),
        ("assets/large.js.br", stored(&bursting[1..])),
    ]));

    for path in ["/assets/broken.js", "/assets/bursting.js"] {
        let answer = get(&pages, path, &[]).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(answer.body.is_empty());
    }
    let large = get(&pages, "/assets/large.js", &[]).await;
    assert_eq!(large.status, StatusCode::OK);
    assert_eq!(large.body.len() as u64, MAX_UNPACKED);
}

#[tokio::test]
async fn without_the_bundle_the_page_says_how_to_build_it() {
    let unbuilt = router_over(Bundle::default());
    let page = get(&unbuilt, "/graphiql", &[("accept-encoding", "br")]).await;

    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-store");
    let text = page.text();
    assert!(text.contains("make web"), "{text}");
    assert!(!text.contains("src="), "nothing is loaded: {text}");
}

#[tokio::test]
async fn the_pages_of_this_build_are_whole() {
    let bundle = Bundle::embedded();
    if bundle.find("graphiql/index.html").is_none() {
        assert_eq!(
            bundle.paths().count(),
            0,
            "pages without GraphiQL are half a build"
        );
        assert_eq!(
            get(&router(), "/graphiql", &[]).await.status,
            StatusCode::SERVICE_UNAVAILABLE
        );
        return;
    }

    let router = router();
    for path in bundle.paths() {
        let file = get(&router, &format!("/{path}"), &[]).await;
        assert_eq!(file.status, StatusCode::OK, "{path}");
        assert!(!file.body.is_empty(), "{path}");
        assert_ne!(
            file.header("content-type"),
            "application/octet-stream",
            "{path}"
        );
    }
    let page = get(&router, "/graphiql", &[]).await.text();
    let loaded: Vec<_> = page
        .split('"')
        .filter(|word| word.starts_with("/assets/"))
        .collect();
    assert!(!loaded.is_empty(), "{page}");
    for path in loaded {
        assert_eq!(
            get(&router, path, &[]).await.status,
            StatusCode::OK,
            "{path}"
        );
    }
}

/// A small bundle: GraphiQL's page and one script.
fn pages() -> Router {
    router_over(bundle([
        ("graphiql/index.html.br", PAGE),
        ("assets/a-1f2e.js.br", SCRIPT),
        // Not packed, so not for us.
        ("graphiql/note.txt", "left over"),
    ]))
}

fn bundle<const N: usize>(files: [(&str, &str); N]) -> Bundle {
    Bundle::new(files.map(|(path, content)| (path, stored(content.as_bytes()))))
}

/// `content` as a brotli stream that packs nothing (RFC 7932, section 9.2), so that the tests need no packer.
fn stored(content: &[u8]) -> Bytes {
    // Bits are read from the lowest up. The stream begins with one zero bit: a window of 64 KiB.
    let mut stream = vec![];
    for (index, block) in content.chunks(1 << 16).enumerate() {
        // Not the last block (0), a length of four digits (00), the length less one, "not packed" (1).
        let header = ((block.len() as u32 - 1) << 3) | (1 << 19);
        let header = if index == 0 { header << 1 } else { header };
        stream.extend(&header.to_le_bytes()[..3]);
        stream.extend(block);
    }
    // The last block (1), and it is empty (1).
    stream.push(0b11);
    stream.into()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        match self.headers.get(name).map(|value| value.to_str()) {
            Some(Ok(value)) => value,
            other => panic!("the header {name} is {other:?}"),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).expect("a page is UTF-8")
    }
}

async fn get(router: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty());
    send(router, request.expect("the request is well formed")).await
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let Ok(response) = router.clone().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = body::to_bytes(body, usize::MAX).await;
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.expect("the body is whole"),
    }
}
