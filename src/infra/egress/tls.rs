//! TLS for outgoing connections: the system's root certificates, or the built-in ones where it has none.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use super::error::{EgressError, Kind};

/// Made at the first `https` call: reading the system's certificates takes milliseconds that a start has not.
#[derive(Default)]
pub(super) struct Tls(OnceCell<Arc<ClientConfig>>);

impl Tls {
    pub(super) async fn config(&self) -> Result<Arc<ClientConfig>, EgressError> {
        self.0
            .get_or_try_init(|| async {
                let built = tokio::task::spawn_blocking(build).await.map_err(|it| it.to_string());
                built.and_then(|it| it).map(Arc::new).map_err(|it| {
                    EgressError::new(Kind::Tls, format!("TLS cannot be set up on this machine: {it}"))
                })
            })
            .await
            .cloned()
    }
}

fn build() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        // An image without CA files (`FROM scratch`) still reaches public services.
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.map_err(|it| it.to_string())?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
