//! A3: names whose answers are wrong, mixed, or change.

use reeve::infra::egress::{Denial, EgressError, Kind, Request, parse_url};

use crate::support::net::Net;
use crate::support::peer::{Peer, Step, answer};

/// An open place at 127.0.0.1 and a closed one at 127.0.0.2, at the same port.
async fn open_and_closed() -> (Peer, Peer) {
    loop {
        let closing = |body: &str| {
            let mut steps = answer(200, &[("Connection", "close")], body);
            steps.push(Step::Close);
            steps
        };
        let (good, bad) = (closing("good"), closing("bad"));
        let open = Peer::start(move |_, _| good.clone()).await;
        let at = ([127, 0, 0, 2], open.port()).into();
        if let Ok(closed) = Peer::start_at(at, move |_, _| bad.clone()).await {
            return (open, closed);
        }
    }
}

async fn get(net: &Net, url: &str) -> Result<String, EgressError> {
    let response = net.egress.send(&net.caller, Request::get(parse_url(url)?)).await?;
    Ok(String::from_utf8_lossy(&response.bytes().await?).into_owned())
}

#[tokio::test]
async fn no_answer_of_a_name_server_leads_to_a_closed_place() {
    let (open, closed) = open_and_closed().await;
    let net = Net::allowing(&[open.address.to_string()]);
    let mut attacks = 0;
    for answers in [
        "127.0.0.2",
        "127.0.0.1 127.0.0.2",
        "127.0.0.2 127.0.0.1",
        "127.0.0.1 ::1",
        "127.0.0.1 ::ffff:127.0.0.2",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:2",
        "2002:7f00:2::",
        "169.254.169.254",
        "127.0.0.1 169.254.169.254",
        "0.0.0.0",
        "::",
        "10.0.0.7",
        "fd00::7",
        "255.255.255.255",
        "127.0.0.1 224.0.0.1",
    ] {
        attacks += 1;
        let name = format!("n{attacks}.example");
        net.names.say(&name, &[answers]);
        let error = get(&net, &format!("http://{name}:{}/", open.port())).await.expect_err(answers);
        assert!(error.is_denied(), "{answers}: {error}");
    }
    assert_eq!((open.connections(), closed.connections()), (0, 0));
    eprintln!("A3 answers: attacks={attacks} blocked={attacks}");
}

#[tokio::test]
async fn an_answer_that_changes_is_looked_at_every_time_and_used_once() {
    let (open, closed) = open_and_closed().await;
    let net = Net::allowing(&[open.address.to_string()]);
    let url = format!("http://rebind.example:{}/", open.port());
    net.names.say("rebind.example", &["127.0.0.1", "127.0.0.2"]);
    // One look-up for the check and the connection: what was vetted is what is dialled.
    assert_eq!(get(&net, &url).await.expect("the first answer is open"), "good");
    assert_eq!(net.names.asked().len(), 1);
    assert!(get(&net, &url).await.expect_err("the second is not").is_denied());
    assert_eq!(closed.connections(), 0);
}

#[tokio::test]
async fn an_answer_that_changes_between_tries_is_looked_at_again() {
    let (open, closed) = open_and_closed().await;
    let port = open.port();
    drop(open);
    let net = Net::allowing(&[format!("127.0.0.1:{port}")]);
    net.names.say("retry.example", &["127.0.0.1", "127.0.0.2"]);
    let error = get(&net, &format!("http://retry.example:{port}/")).await.expect_err("neither works");
    // The task behind the open place may go a moment later than its handle: then the first try was answered.
    assert!(error.is_denied() || matches!(error.kind, Kind::Protocol | Kind::Connect), "{error}");
    assert_eq!(closed.connections(), 0);
}

#[tokio::test]
async fn short_and_private_names_are_not_even_looked_up() {
    let net = Net::allowing(&[]);
    for name in
        ["intranet", "localhost", "a.localhost", "db.internal", "printer.local", "router.lan", "x.home.arpa"]
    {
        let error = get(&net, &format!("http://{name}:81/")).await.expect_err(name);
        assert_eq!(error.kind, Kind::Denied(Denial::PrivateName), "{name}");
    }
    assert!(net.names.asked().is_empty());
    // A public name is asked for as it stands: no search domain completes it.
    let error = get(&net, "http://public.example:81/").await.expect_err("has no answer");
    assert_eq!(error.kind, Kind::Resolve);
    assert_eq!(net.names.asked(), ["public.example."]);
}

/// That it opens them is told beside the rules: no test calls an address beyond loopback.
#[tokio::test]
async fn a_named_host_opens_nothing_under_another_name_or_on_loopback() {
    let net = Net::allowing(&["db.internal:81".to_owned()]);
    net.names.say("other.example", &["192.168.255.254"]);
    net.names.say("db.internal", &["127.0.0.1"]);
    for url in [
        "http://other.example:81/",
        "http://192.168.255.254:81/",
        "http://db.internal:82/",
        "http://db.internal:81/",
    ] {
        assert!(get(&net, url).await.expect_err(url).is_denied(), "{url}");
    }
}

const CHILD: &str = "REEVE_TEST_WITHOUT_PROXY";

/// The environment of a process cannot be changed safely from within, so this runs itself again.
#[tokio::test]
async fn proxies_in_the_environment_are_ignored() {
    let peer = Peer::answering(answer(200, &[], "direct")).await;
    if std::env::var_os(CHILD).is_some() {
        let net = Net::allowing(&[peer.address.to_string()]);
        assert_eq!(get(&net, &peer.url("/")).await.expect("needs no proxy"), "direct");
        assert!(get(&net, "http://10.0.0.1/").await.expect_err("is closed").is_denied());
        return;
    }
    let proxy = Peer::answering(answer(200, &[], "proxied")).await;
    let mut child = std::process::Command::new(std::env::current_exe().expect("this test has a file"));
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        child.env(name, proxy.url(""));
    }
    child.env(CHILD, "1").args(["--exact", "egress::names::proxies_in_the_environment_are_ignored"]);
    let ended = tokio::task::spawn_blocking(move || child.output()).await.expect("joins").expect("runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    assert_eq!(proxy.connections(), 0);
}
