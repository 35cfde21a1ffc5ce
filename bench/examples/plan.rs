//! What one plan costs: `cargo run --release -p bench --example plan`.
//!
//! Plans against 500 models with 10 endpoints each, in process, the answer encoded as it goes over the wire. Times
//! are of single plans, after a warm-up; allocations are counted apart, because counting takes time.

use std::io::Write as _;
use std::time::{Duration, Instant};

use prost::Message as _;
use router::Rehearsal;
use rpc::router::{AccountPolicy, OwnCredential, PlanRequest, Profile, ProviderPreferences, StickRequest};

const MODELS: usize = 500;
const PROVIDERS: usize = 10;
const WARM_UP: usize = 2_000;
const PLANS: usize = 50_000;
/// What the cheapest model is asked to be able to.
const CHEAPEST: &str =
    r#"[{"id":"cheapest-router","require":["tools","vision"],"min_context_length":100000}]"#;

fn main() -> anyhow::Result<()> {
    let rehearsal = Rehearsal::new(MODELS, PROVIDERS)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MODELS} models x {PROVIDERS} endpoints, {PLANS} plans each, answers encoded\n")?;
    writeln!(
        out,
        "| Request | attempts | bytes | p50 µs | p99 µs | p99.9 µs | allocations | KiB allocated |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|")?;
    for (name, requests) in cases(&rehearsal) {
        let times = measure(&rehearsal, &requests)?;
        let first = requests.first().map(|request| rehearsal.plan(request)).transpose();
        let plan = first.map_err(|fault| anyhow::anyhow!(fault.message))?.unwrap_or_default();
        let counted = allocation_counter::measure(|| {
            for request in &requests {
                let _ = answer(&rehearsal, request, &mut Vec::with_capacity(1 << 16));
            }
        });
        let each = u64::try_from(requests.len()).unwrap_or(1);
        writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} | {} | {} |",
            plan.attempts.len(),
            plan.encoded_len(),
            micros(&times, 500),
            micros(&times, 990),
            micros(&times, 999),
            // The buffer is the transport's, which keeps it.
            counted.count_total / each - 1,
            counted.bytes_total / each / 1024 - 64,
        )?;
    }
    writeln!(out, "\n| Threads | plans/s |\n|---|---|")?;
    for threads in [1, 2] {
        writeln!(out, "| {threads} | {} |", together(&rehearsal, threads))?;
    }
    Ok(())
}

/// Kinds of requests, each over many models.
fn cases(rehearsal: &Rehearsal) -> Vec<(&'static str, Vec<PlanRequest>)> {
    let each = |change: &dyn Fn(usize, &mut PlanRequest)| -> Vec<PlanRequest> {
        let request = |n: usize| {
            let mut request = chat(n);
            change(n, &mut request);
            request
        };
        (0..MODELS).map(request).collect()
    };
    let cross = r#"{"sort":{"by":"price","partition":"none"},"preferred_max_latency":{"p90":2}}"#;
    let others = |n: usize, request: &mut PlanRequest, count: usize| {
        request.models = (0..count).map(|step| Rehearsal::model((n + step * 37) % MODELS)).collect();
    };
    let sticky = each(&|n, request| {
        request.sticky_key = vec![u8::try_from(n % 256).unwrap_or(0); 16].into();
        rehearsal.stick(&StickRequest {
            sticky_key: request.sticky_key.clone(),
            name: Rehearsal::model(n),
            ..StickRequest::default()
        });
        tenant(request);
    });
    vec![
        ("one model", each(&|_, _| {})),
        ("one model, tools and schema", each(&|_, request| tools(request))),
        (
            "three models, tools",
            each(&|n, request| {
                others(n, request, 3);
                tools(request);
            }),
        ),
        (
            "ten models sorted together, thresholds",
            each(&|n, request| {
                others(n, request, 10);
                request.provider =
                    Some(ProviderPreferences { json: cross.to_owned(), ..ProviderPreferences::default() });
            }),
        ),
        ("a conversation under account rules and own keys", sticky),
        (
            "`openrouter/auto`, tools",
            each(&|_, request| {
                request.models = vec!["openrouter/auto".to_owned()];
                tools(request);
            }),
        ),
        (
            "`patchbay/cheapest`, tools and vision",
            each(&|_, request| {
                request.models = vec!["patchbay/cheapest".to_owned()];
                request.plugins_json = CHEAPEST.to_owned();
            }),
        ),
        ("one model, explained", each(&|_, request| request.explain = true)),
    ]
}

/// A plain conversation.
fn chat(n: usize) -> PlanRequest {
    PlanRequest {
        generation_id: "0198c0de-0000-7000-8000-000000000000".to_owned(),
        tenant_id: "0198c0de-0000-7000-8000-000000000001".to_owned(),
        models: vec![Rehearsal::model(n)],
        profile: Some(Profile {
            body_bytes: 4_000,
            messages: 6,
            input_modalities: vec!["text".to_owned()],
            parameters: ["temperature", "max_tokens"].map(str::to_owned).to_vec(),
            max_tokens: Some(1_000),
            stream: true,
            ..Profile::default()
        }),
        markup_basis_points: 500,
        seed: u64::try_from(n).unwrap_or(0).wrapping_mul(0x9E37_79B9_7F4A_7C15),
        ..PlanRequest::default()
    }
}

fn tools(request: &mut PlanRequest) {
    if let Some(profile) = &mut request.profile {
        profile.parameters.extend(["tools", "tool_choice", "response_format"].map(str::to_owned));
    }
}

/// What a team's request carries besides.
fn tenant(request: &mut PlanRequest) {
    request.policy = Some(AccountPolicy {
        ignored_providers: vec![Rehearsal::provider(7)],
        zdr: true,
        ..AccountPolicy::default()
    });
    let own = |n: usize| OwnCredential {
        credential_id: format!("0198c0de-0000-7000-8000-00000000010{n}"),
        provider: Rehearsal::provider(n),
        sealed: vec![0; 120].into(),
        ..OwnCredential::default()
    };
    request.own = vec![own(1), own(2)];
}

/// Plans and encodes. The bytes written.
fn answer(rehearsal: &Rehearsal, request: &PlanRequest, buffer: &mut Vec<u8>) -> anyhow::Result<usize> {
    buffer.clear();
    let plan = rehearsal.plan(request).map_err(|fault| anyhow::anyhow!(fault.message))?;
    plan.encode(buffer)?;
    Ok(buffer.len())
}

/// The times of single plans, in ascending order.
fn measure(rehearsal: &Rehearsal, requests: &[PlanRequest]) -> anyhow::Result<Vec<Duration>> {
    let mut buffer = Vec::with_capacity(1 << 16);
    let mut times = Vec::with_capacity(PLANS);
    for (n, request) in requests.iter().cycle().take(WARM_UP + PLANS).enumerate() {
        let started = Instant::now();
        answer(rehearsal, request, &mut buffer)?;
        let time = started.elapsed();
        if n >= WARM_UP {
            times.push(time);
        }
    }
    times.sort_unstable();
    Ok(times)
}

/// A quantile in permille, in microseconds.
fn micros(times: &[Duration], permille: usize) -> String {
    let at = times.len() * permille / 1_000;
    times.get(at).map_or_else(String::new, |time| format!("{:.1}", time.as_secs_f64() * 1e6))
}

/// Plans per second of so many threads at once.
fn together(rehearsal: &Rehearsal, threads: usize) -> String {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let mut buffer = Vec::with_capacity(1 << 16);
                for n in 0..PLANS {
                    let _ = answer(rehearsal, &chat((n * 7 + thread) % MODELS), &mut buffer);
                }
            });
        }
    });
    let plans = u32::try_from(threads * PLANS).unwrap_or(u32::MAX);
    format!("{:.0}", f64::from(plans) / started.elapsed().as_secs_f64())
}
