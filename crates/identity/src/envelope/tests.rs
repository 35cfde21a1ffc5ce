use std::task::{Context, Poll, Waker};

use super::*;

/// The outcome of what is ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("not ready"),
    }
}

fn master() -> MasterKey {
    MasterKey::from_hex(&MasterKey::generate_hex()).unwrap()
}

fn sealed(master: &MasterKey, of: &SealedFor<'_>) -> Envelope {
    let key = DataKey::generate();
    let owner = KeyOwner { tenant: of.tenant, version: 3 };
    Envelope {
        key_version: 3,
        wrapped_key: now(master.wrap_key(&key, owner)).unwrap(),
        version: of.version,
        sealed: key.seal(&SecretString::from("sk-secret"), of).unwrap(),
    }
}

fn record(tenant: TenantId) -> SealedFor<'static> {
    SealedFor { tenant, provider: "openai", record: CredentialId::generate(), version: 2 }
}

#[test]
fn an_envelope_travels_and_opens_for_its_own_record_alone() {
    let (master, tenant) = (master(), TenantId::generate());
    let of = record(tenant);
    let envelope = sealed(&master, &of);
    let read = Envelope::from_bytes(&envelope.to_bytes().unwrap()).unwrap();
    assert_eq!(read, envelope);
    let open = |envelope: &Envelope, tenant, provider, record| {
        now(envelope.open(&master, tenant, provider, record)).map(|plain| plain.expose_secret().to_owned())
    };
    assert_eq!(open(&read, tenant, "openai", of.record).as_deref(), Ok("sk-secret"));
    assert_eq!(open(&read, TenantId::generate(), "openai", of.record), Err(SealError::Open));
    assert_eq!(open(&read, tenant, "groq", of.record), Err(SealError::Open));
    assert_eq!(open(&read, tenant, "openai", CredentialId::generate()), Err(SealError::Open));
    for other in [
        Envelope { version: 1, ..envelope.clone() },
        Envelope { key_version: 2, ..envelope.clone() },
        Envelope { wrapped_key: sealed(&master, &of).wrapped_key, ..envelope.clone() },
        Envelope { sealed: sealed(&master, &of).sealed, ..envelope.clone() },
    ] {
        assert_eq!(open(&other, tenant, "openai", of.record), Err(SealError::Open));
    }
}

#[test]
fn another_wrap_opens_the_same_credential() {
    let (old, new) = (MasterKey::generate_hex(), MasterKey::generate_hex());
    let before = MasterKey::from_hex(&old).unwrap();
    let both = MasterKey::from_hex(&new).unwrap().with_previous(&old).unwrap();
    let after = MasterKey::from_hex(&new).unwrap();
    let of = record(TenantId::generate());
    let envelope = sealed(&before, &of);
    let owner = KeyOwner { tenant: of.tenant, version: 3 };
    let key = now(both.open_key(&envelope.wrapped_key, owner)).unwrap();
    let rewrapped = Envelope { wrapped_key: now(both.wrap_key(&key, owner)).unwrap(), ..envelope.clone() };
    let open = |envelope: &Envelope, master| {
        now(envelope.open(master, of.tenant, of.provider, of.record))
            .map(|plain| plain.expose_secret().to_owned())
    };
    assert_eq!(open(&envelope, &after), Err(SealError::Open));
    assert_eq!(open(&rewrapped, &after).as_deref(), Ok("sk-secret"));
    assert_eq!(open(&envelope, &both).as_deref(), Ok("sk-secret"));
    assert_ne!(before.name(), both.name());
    assert_eq!(both.name(), after.name());
}

#[test]
fn what_is_no_envelope_does_not_open() {
    let bytes = sealed(&master(), &record(TenantId::generate())).to_bytes().unwrap();
    for short in 0..11 + 60 {
        assert!(Envelope::from_bytes(&bytes[..short]).is_err(), "{short}");
    }
    assert!(Envelope::from_bytes(&[2, 0, 0]).is_err());
}

#[test]
fn keys_are_never_shown() {
    let key = DataKey::generate();
    let shown = format!("{key:?} {:?}", master());
    assert!(!shown.contains(&hex::encode(key.0.bytes())) && shown.contains("REDACTED"), "{shown}");
}

#[test]
fn a_record_opens_under_its_own_name_alone() {
    let (key, other) = (DataKey::generate(), DataKey::generate());
    let sealed = key.seal_record(b"\xffsaid", "exchange-input a").unwrap();
    assert!(!sealed.windows(4).any(|window| window == b"said"));
    assert_eq!(key.open_record(&sealed, "exchange-input a").unwrap(), b"\xffsaid");
    assert!(key.open_record(&sealed, "exchange-output a").is_err());
    assert!(other.open_record(&sealed, "exchange-input a").is_err());
}
