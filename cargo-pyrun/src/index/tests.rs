use super::*;

fn indexes(variables: &[(&str, &str)]) -> Indexes {
    let quiet = [("PIP_CONFIG_FILE", "/dev/null"), ("XDG_CONFIG_HOME", "/none")];
    let all = quiet.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Indexes::of(all.collect(), None)
}

fn login(indexes: &Indexes, url: &str) -> Option<String> {
    indexes.login_for(&Url::parse(url).unwrap()).map(|login| format!("{}:{}", login.user, login.password))
}

#[test]
fn pip_s_settings_count_where_uv_has_none() {
    let pip = [
        ("PIP_INDEX_URL", "https://a.example/simple"),
        ("PIP_CERT", "/ca.pem"),
        ("PIP_FIND_LINKS", "/none https://l.example"),
    ];
    assert_eq!(
        indexes(&pip).for_uv(),
        [
            ("UV_DEFAULT_INDEX", "https://a.example/simple".to_owned()),
            ("UV_FIND_LINKS", "https://l.example".to_owned()),
            ("SSL_CERT_FILE", "/ca.pem".to_owned())
        ]
    );
    assert_eq!(
        indexes(&[("PIP_INDEX_URL", "https://a.example"), ("UV_INDEX_URL", "https://b.example")]).for_uv(),
        []
    );
    let mut own = indexes(&[("PIP_INDEX_URL", "https://a.example")]);
    own.learn_settings(&"[[index]]\nurl = 'https://b.example'\ndefault = true".parse().unwrap());
    assert_eq!(own.for_uv(), []);
}

#[test]
fn a_container_hears_of_no_place_of_this_machine() {
    let found = indexes(&[
        ("PIP_INDEX_URL", "https://a.example/simple"),
        ("PIP_FIND_LINKS", "/opt/wheels"),
        ("PIP_NO_INDEX", "1"),
        ("PIP_CLIENT_CERT", "/me.pem"),
    ]);
    assert_eq!(found.for_pip(), [("PIP_INDEX_URL", "https://a.example/simple".to_owned())]);
}

#[test]
fn a_file_is_fetched_with_the_login_of_its_index() {
    let mut found = indexes(&[
        ("UV_DEFAULT_INDEX", "corp=https://corp.example/simple"),
        ("UV_INDEX_CORP_USERNAME", "me"),
        ("UV_INDEX_CORP_PASSWORD", "of-corp"),
        ("PIP_INDEX_URL", "https://pip:of%40pip@pip.example:8443/simple"),
        ("PIP_EXTRA_INDEX_URL", "https://one:1@two.example/one/simple https://two:2@two.example/two/simple"),
    ]);
    assert_eq!(login(&found, "https://corp.example/files/x.whl").as_deref(), Some("me:of-corp"));
    assert_eq!(login(&found, "https://pip.example:8443/x.whl").as_deref(), Some("pip:of@pip"));
    assert_eq!(login(&found, "https://two.example/two/x.whl").as_deref(), Some("two:2"));
    for other in
        ["https://pip.example/x.whl", "http://pip.example:8443/x.whl", "https://evil.example/pip.example"]
    {
        assert_eq!(login(&found, other), None, "{other}");
    }
    assert_eq!(
        found.with_login("https://pip.example:8443/x.whl"),
        "https://pip:of%40pip@pip.example:8443/x.whl"
    );
    assert_eq!(found.with_login("https://x.example/x.whl"), "https://x.example/x.whl");
    found.learn("--index-url https://req:pw@req.example/simple\n");
    assert_eq!(login(&found, "https://req.example/x.whl").as_deref(), Some("req:pw"));
    let told = found.hide("at https://x:y@req.example with of@pip");
    assert_eq!(told, "at https://…@req.example with …");
    assert!(!format!("{found:?}").contains("secret"));
}
