use super::*;

fn shared() -> Shared {
    Shared::default()
}

fn keys() -> String {
    let signing_key = ServiceKeys::generate().unwrap();
    format!(
        "[services]\nsigning_key = '{}'\nmaster_key = '{}'\n",
        signing_key.expose_secret(),
        MasterKey::generate_hex()
    )
}

fn refusal(inline: &str, roles: &[Role]) -> String {
    Config::load_with(&shared(), inline).and_then(|config| config.check(roles)).unwrap_err().to_string()
}

#[test]
fn the_defaults_are_whole_and_flags_win() {
    let listen = "127.0.0.1:1".parse().unwrap();
    let flags = Shared { listen: Some(listen), data_dir: Some("elsewhere".into()), config: None };
    let config = Config::load(&flags).unwrap();
    assert_eq!((config.edge.listen, config.data_dir), (listen, PathBuf::from("elsewhere")));
}

#[test]
fn what_is_missing_or_wrong_is_called_by_its_key() {
    assert!(refusal("", &[Role::Edge]).contains("`services.signing_key`"));
    assert!(refusal(&keys(), &[Role::Edge]).contains("`database.url`"));
    let wrong = format!("{}\n[database]\nurl = 'mysql://x'", keys());
    assert!(refusal(&wrong, &[Role::Billing]).contains("`database.url`"));
    let no_master = keys().replace("master_key = '", "master_key = 'x");
    assert!(refusal(&no_master, &[Role::ProviderWorker]).contains("`services.master_key`"));
    let odd_previous = format!("{}master_key_previous = 'x'\n", keys());
    assert!(refusal(&odd_previous, &[Role::ProviderWorker]).contains("`services.master_key_previous`"));
    let rash = format!("{}\n[database]\nurl = 'postgres://x'\n[billing]\ngrace_ms = 59999", keys());
    assert!(refusal(&rash, &[Role::Billing]).contains("`billing.grace_ms`"));
    let slow = format!("{}\n[database]\nurl = 'postgres://x'\n[billing]\nsweep_every_ms = 2001", keys());
    assert!(refusal(&slow, &[Role::Billing]).contains("`billing.sweep_every_ms`"));
    assert!(refusal("[services]\nroutr = 1", &[]).contains("routr"));
    Config::load_with(&shared(), &keys()).unwrap().check(&[Role::ProviderWorker]).unwrap();
}
