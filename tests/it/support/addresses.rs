//! The address forms that nothing in the program may call, whoever asks, by whatever entry point.

/// Names that the table uses, and where they lead: for entry points whose resolver is scripted.
pub const NAMES: &[(&str, &str)] = &[
    ("evil.com", "127.0.0.1"),
    ("127.0.0.1.nip.io", "127.0.0.1"),
    ("7f000001.nip.io", "127.0.0.1"),
    ("rebind.example", "127.0.0.1 1.1.1.1"),
    ("six.example", "::1"),
    ("metadata.google.internal", "169.254.169.254"),
    ("localhost", "127.0.0.1"),
    ("intranet", "10.0.0.5"),
    ("printer.local", "192.168.1.9"),
];

/// Every form, with `port` wherever a port fits: at 127.0.0.1 and this port the witness listens.
pub fn forms(port: u16) -> Vec<String> {
    let mut forms = Vec::new();
    // Loopback, as IPv4 has been written since 1983.
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0x0.0x0.0x1",
        "0x7f.1",
        "0177.0.0.01",
        "017700000001",
        "00000177.1",
        "0x00000000000007f000001",
        "0",
        "0.0.0.0",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "127.0.0.2",
        "127.255.255.254",
    ] {
        forms.push(format!("http://{host}:{port}/"));
    }
    forms.push(format!("http:127.0.0.1:{port}"));
    forms.push(format!("http:/127.0.0.1:{port}"));
    // Metadata and link-local.
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[fd00:ec2::254]",
        "metadata.google.internal",
        "192.0.0.192",
        "100.100.100.200",
        "168.63.129.16",
        "169.254.1.1",
        "[fe80::1]",
        "[fe80::1%25eth0]",
    ] {
        forms.push(format!("http://{host}:{port}/latest/meta-data/"));
    }
    // IPv6, and IPv4 inside IPv6.
    for host in [
        "::",
        "::1",
        "0000:0000:0000:0000:0000:0000:0000:0001",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "100::1",
        "2001:4860::5efe:7f00:1",
    ] {
        forms.push(format!("http://[{host}]:{port}/"));
    }
    // Other ranges.
    for host in [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "0300.0250.0.1",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
    ] {
        forms.push(format!("http://{host}:{port}/"));
    }
    // Who is the host here?
    forms.extend([
        format!("http://a@127.0.0.1:{port}/"),
        format!("http://evil.com\\@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}#@evil.com/"),
        format!("http://evil.com@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}\\@evil.com/"),
        "http://1.1.1.1 &@2.2.2.2# @3.3.3.3/".to_owned(),
        format!("http://127.0.0.1%00.evil.com:{port}/"),
        format!("http://127.0.0.1%2f.evil.com:{port}/"),
        format!("http://127.0.\t0.1:{port}/"),
        format!("http://127.0.0.1\n:{port}/"),
        format!("http://6425673729:{port}/"),
        format!("http://256.256.256.256:{port}/"),
        format!("http://[::1:{port}/"),
        "http://".to_owned(),
        "http:///".to_owned(),
    ]);
    // Names.
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "ⓛocalhost",
        "foo.localhost",
        "127.0.0.1.nip.io",
        "7f000001.nip.io",
        "rebind.example",
        "six.example",
        "intranet",
        "printer.local",
    ] {
        forms.push(format!("http://{host}:{port}/"));
    }
    // Other schemes.
    forms.extend([
        "file:///etc/passwd".to_owned(),
        format!("gopher://127.0.0.1:{port}/_x"),
        format!("ftp://127.0.0.1:{port}/"),
        format!("dict://127.0.0.1:{port}/"),
        format!("ldap://127.0.0.1:{port}/"),
        "data:text/plain,x".to_owned(),
        "javascript:alert(1)".to_owned(),
        "unix:///var/run/docker.sock".to_owned(),
        format!("ws://127.0.0.1:{port}/"),
        String::new(),
    ]);
    forms
}

/// Tries every form at an entry point. `refused` says whether it was turned down *for its address*; the witness
/// that listens at `port` says whether a connection came all the same. Prints `attacks=N blocked=N`.
pub async fn all_refused(
    entry: &str,
    port: u16,
    connections: impl Fn() -> usize,
    refused: impl AsyncFn(String) -> bool,
) {
    let forms = forms(port);
    let (attacks, mut passed) = (forms.len(), Vec::new());
    for form in forms {
        let before = connections();
        if !refused(form.clone()).await || connections() != before {
            passed.push(form);
        }
    }
    eprintln!("A1 {entry}: attacks={attacks} blocked={}", attacks - passed.len());
    assert!(passed.is_empty(), "{entry} let through: {passed:#?}");
}
