//! The endpoint for static files.

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, VARY,
};
use actix_web::{HttpRequest, HttpResponse, web};

use super::file::Encoding;
use super::{STATIC_ROUTE, TREE};
use crate::base::{Code, Error};
use crate::web::{Limit, Route};

/// The files' route, for the table.
pub fn asset_routes() -> Vec<Route> {
    vec![
        Route::get(STATIC_ROUTE, serve)
            .bare()
            .limit(Limit::None)
            .says("A style sheet, script or picture of the pages")
            .answers_plain(200, "The file.", "application/octet-stream")
            .errs(&[Code::NotFound]),
    ]
}

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// `GET /static/{hash}/{path:.*}`
///
/// `404` for a hash that is not this program's, so that no cache ever keeps one version under another's name.
pub async fn serve(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let (hash, path) = path.into_inner();
    let Some(file) = TREE.files.get(&path).filter(|_| hash == TREE.hash) else {
        let error = Error::new(Code::NotFound, "there is no such file in this version");
        let mut answer = HttpResponse::from_error(error);
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return answer;
    };
    let wanted = Encoding::accepted(header(&request, ACCEPT_ENCODING));
    let (encoding, body) = file.encoded(wanted);
    let etag = file.etag(encoding);
    let known = header(&request, IF_NONE_MATCH).split(',').any(|it| it.trim() == etag);

    let mut reply = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    reply
        .insert_header((CACHE_CONTROL, FOR_EVER))
        .insert_header((ETAG, etag))
        .insert_header((VARY, "Accept-Encoding"));
    if known {
        return reply.finish();
    }
    match encoding {
        Encoding::Identity => {}
        Encoding::Gzip => drop(reply.insert_header((CONTENT_ENCODING, "gzip"))),
        Encoding::Brotli => drop(reply.insert_header((CONTENT_ENCODING, "br"))),
    }
    reply.insert_header((CONTENT_TYPE, file.content_type())).body(body)
}

fn header(request: &HttpRequest, name: HeaderName) -> &str {
    request.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::{App, test};

    use super::*;
    use crate::web::{STATIC_ROUTE, asset_url};

    async fn get(url: &str, headers: &[(&str, &str)]) -> actix_web::dev::ServiceResponse {
        let app = test::init_service(App::new().route(STATIC_ROUTE, web::get().to(serve))).await;
        let mut request = test::TestRequest::get().uri(url);
        for header in headers {
            request = request.insert_header(*header);
        }
        test::call_service(&app, request.to_request()).await
    }

    fn said(reply: &actix_web::dev::ServiceResponse, name: HeaderName) -> &str {
        reply.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or("")
    }

    #[actix_web::test]
    async fn a_file_is_served_for_ever_and_packed() {
        let url = asset_url("css/app.css");
        let reply = get(&url, &[("accept-encoding", "gzip, br")]).await;
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(said(&reply, CONTENT_TYPE), "text/css; charset=utf-8");
        assert_eq!(said(&reply, CACHE_CONTROL), FOR_EVER);
        assert_eq!(said(&reply, CONTENT_ENCODING), "br");
        assert_eq!(said(&reply, VARY), "Accept-Encoding");

        let plain = get(&url, &[]).await;
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        assert_ne!(said(&plain, ETAG), said(&reply, ETAG));

        let etag = said(&plain, ETAG).to_owned();
        let again = get(&url, &[("if-none-match", &etag)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[actix_web::test]
    async fn another_hash_or_name_is_not_found() {
        let url = asset_url("css/app.css");
        let hash = url.split('/').nth(2).expect("a hash");
        for url in [
            "/static/000000000000/css/app.css".to_owned(),
            format!("/static/{hash}/css/none.css"),
            format!("/static/{hash}/../Cargo.toml"),
            format!("/static/{hash}/"),
        ] {
            let reply = get(&url, &[]).await;
            assert_eq!(reply.status(), StatusCode::NOT_FOUND, "{url}");
        }
    }
}
