//! How often one may call, and what one is told about it.

use crate::support::Appliance;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_slowed_down_by_address() {
    let appliance = Appliance::start_with(|it| it.limits.anonymous_requests_per_minute = 5, Vec::new()).await;
    let client = appliance.anonymous();
    for left in (0..5).rev() {
        let answer = client.get("/api/openapi.json").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-limit"), Some("5"));
        assert_eq!(answer.header("ratelimit-remaining"), Some(left.to_string().as_str()));
        assert!(answer.header("ratelimit-reset").is_some());
    }
    let refused = client.get("/api/openapi.json").await;
    refused.expect_error(429, "RateLimited");
    assert_eq!(refused.header("ratelimit-remaining"), Some("0"));
    let wait: u64 = refused.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=60).contains(&wait));
    let guess = client.bearer("rv_live_guess").get("/api/users/me").await;
    guess.expect_error(429, "RateLimited");
    let pretends = client.with("x-forwarded-for", "203.0.113.9").get("/api/openapi.json").await;
    pretends.expect_error(429, "RateLimited");
    client.get("/healthz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_client_counts_alone() {
    let change = |it: &mut reeve::config::Config| {
        it.limits.anonymous_requests_per_minute = 2;
        it.server.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
    };
    let appliance = Appliance::start_with(change, Vec::new()).await;
    let from = |address: &str| appliance.anonymous().with("x-forwarded-for", address);
    for address in ["198.51.100.1", "2001:db8::1", "10.0.0.1, 198.51.100.2"] {
        for _ in 0..2 {
            from(address).get("/api/openapi.json").await.expect(200);
        }
        from(address).get("/api/openapi.json").await.expect_error(429, "RateLimited");
    }
    // The whole /64 is one subscriber, and what stands before the last hop is the client's own claim.
    from("2001:db8::2").get("/api/openapi.json").await.expect_error(429, "RateLimited");
    from("1.2.3.4, 198.51.100.2").get("/api/openapi.json").await.expect_error(429, "RateLimited");
    from("198.51.100.3").get("/api/openapi.json").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_a_count_of_their_own() {
    let appliance = Appliance::start_with(|it| it.limits.requests_per_minute = 20, Vec::new()).await;
    let owner = appliance.owner().await;
    let mut left = 20;
    while left > 0 {
        let answer = owner.get("/api/users/me").await;
        answer.expect(200);
        let now: u64 = answer.header("ratelimit-remaining").expect("a count").parse().expect("a number");
        assert!(now < left, "{now} after {left}");
        left = now;
    }
    owner.get("/api/users/me").await.expect_error(429, "RateLimited");
    appliance.anonymous().get("/api/openapi.json").await.expect(200);
}
