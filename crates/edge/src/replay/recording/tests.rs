use dialect::error::ErrorType;

use super::*;
use crate::execution::Client;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(60);

fn recording(limit: usize) -> Arc<Recording> {
    Recording::new(Fingerprint([0; 32]), limit)
}

/// Everything a reader hears: its frames, and the word of its end.
async fn heard(mut reader: Reader) -> (Vec<u8>, &'static str) {
    let mut bytes = Vec::new();
    loop {
        match reader.next().await {
            Next::Simulated(_) => {}
            Next::Frames(frames) => bytes.extend_from_slice(&frames),
            Next::End(End::Good) => return (bytes, "good"),
            Next::End(End::Poor) => return (bytes, "poor"),
            Next::End(End::Refused(_)) => return (bytes, "refused"),
        }
    }
}

#[tokio::test]
async fn whoever_comes_late_hears_it_all_and_goes_on_live() {
    let recording = recording(100);
    let first = recording.join().unwrap();
    let (mut client, outgoing, verdict) = Client::watched(LONG);
    let record = recording.record(outgoing, verdict, LONG, false);
    let speak = async {
        client.planned(false).await;
        client.begin(true).await;
        client.frames(Bytes::from_static(b"one ")).await;
        let second = recording.join().unwrap();
        client.frames(Bytes::from_static(b"two")).await;
        client.went_well();
        client.end();
        second
    };
    let (end, second) = tokio::join!(record, speak);
    assert!(matches!(end, Some(End::Good)));
    recording.end(End::Good);
    recording.end(End::Poor);
    let third = recording.join().unwrap();
    for reader in [first, second, third] {
        assert_eq!(heard(reader).await, (b"one two".to_vec(), "good"));
    }
    let recorded = recording.recorded().unwrap();
    assert_eq!((recorded.simulated, recorded.frames.as_ref()), (true, b"one two".as_slice()));
}

#[tokio::test]
async fn an_answer_without_a_good_word_is_poor_and_a_refusal_is_heard_by_all() {
    let recording = recording(100);
    let reader = recording.join().unwrap();
    let (mut client, outgoing, verdict) = Client::watched(LONG);
    client.frames(Bytes::from_static(b"x")).await;
    client.end();
    assert!(matches!(recording.record(outgoing, verdict, LONG, false).await, Some(End::Poor)));
    let (mut client, outgoing, verdict) = Client::watched(LONG);
    client.refuse(Refusal::new(ErrorType::Timeout, "late")).await;
    let end = recording.record(outgoing, verdict, LONG, false).await.unwrap();
    recording.end(end);
    assert_eq!(heard(reader).await, (b"x".to_vec(), "refused"));
}

#[tokio::test]
async fn the_making_stops_when_the_last_one_leaves_unless_it_goes_on_alone() {
    let recording = recording(100);
    let (one, two) = (recording.join().unwrap(), recording.join().unwrap());
    let (client, outgoing, verdict) = Client::watched(LONG);
    drop(one);
    let record = recording.record(outgoing, verdict, LONG, false);
    let leave = async {
        tokio::task::yield_now().await;
        assert!(!client.is_gone());
        drop(two);
    };
    let (end, ()) = tokio::join!(record, leave);
    assert!(end.is_none() && client.is_gone() && recording.join().is_none() && recording.is_abandoned());

    let alone = Recording::new(Fingerprint([0; 32]), 100);
    drop(alone.join());
    let (mut client, outgoing, verdict) = Client::watched(LONG);
    client.frames(Bytes::from_static(b"x")).await;
    client.end();
    assert!(alone.record(outgoing, verdict, LONG, true).await.is_some());
    assert_eq!(alone.recorded().unwrap().frames.as_ref(), b"x");
}

#[tokio::test]
async fn a_long_answer_passes_by_whole_and_slow_readers_are_left() {
    let recording = recording(8);
    let (quick, slow) = (recording.join().unwrap(), recording.join().unwrap());
    let (mut client, outgoing, verdict) = Client::watched(LONG);
    let record = recording.record(outgoing, verdict, SHORT, false);
    let speak = async move {
        for _ in 0..20 {
            client.frames(Bytes::from_static(b"four")).await;
        }
        client.went_well();
        client.end();
    };
    let listen = async {
        let mut reader = quick;
        let mut bytes = 0;
        while bytes < 80 {
            if let Next::Frames(frames) = reader.next().await {
                bytes += frames.len();
            }
        }
        reader
    };
    let (end, (), reader) = tokio::join!(record, speak, listen);
    recording.end(end.unwrap());
    assert_eq!(heard(reader).await.1, "good");
    assert_eq!(heard(slow).await.1, "refused");
    assert!(recording.recorded().is_none() && recording.join().is_none());
}

#[tokio::test]
async fn readers_wait_until_it_is_known_whose_answer_it_is() {
    let recording = recording(8);
    let (mut reader, mut other) = (recording.join().unwrap(), recording.join().unwrap());
    let origin = Origin { generation: GenerationId::generate(), is_replay: true, told: None };
    let (known, ()) = tokio::join!(reader.origin(), async { recording.open(origin) });
    assert_eq!(known.unwrap(), origin);
    assert_eq!(other.origin().await.unwrap(), origin);
    let nobody = Recording::new(Fingerprint([0; 32]), 8);
    let mut reader = nobody.join().unwrap();
    nobody.end(End::Refused(Refusal::unavailable()));
    assert!(reader.origin().await.is_err());
}
