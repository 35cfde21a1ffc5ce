//! Accounts of executions in the shape of `billing.record`.

use pricing::Class;
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{Part, Seen, View, World, usage};

impl World {
    /// A worker's record.
    pub(super) fn record(&self, place: usize, execution: u32, view: &View, confirmed: bool) -> Value {
        let worker = self.generations[place].executions[execution as usize - 1].worker;
        let (input, output) = view.output.map_or((0, 0), |output| (self.generations[place].input, output));
        let mut body = self.body(place, execution, &view.parts, view.reserved, (input, output));
        let extra = json!({"confirmed": confirmed, "evidence": if confirmed { "worker" } else { "claim" },
            "worker_id": self.workers[worker].name, "source": "provider", "partial": view.is_partial,
            "provider_response_id": format!("{}/{execution}", self.generations[place].id),
            "finish_reason": "stop"});
        extend(&mut body, extra);
        if view.output.is_none() {
            extend(&mut body, json!({"price_version_id": null, "model": null, "provider": null}));
        }
        body
    }

    /// The edge's word on a generation that it has seen the end of.
    pub(super) fn word(&self, place: usize) -> Value {
        let generation = &self.generations[place];
        let execution = u32::try_from(generation.executions.len()).unwrap();
        let (outcome, units) = match generation.seen {
            Seen::Finished => ("finished", (generation.input, generation.delivered)),
            Seen::Lost => ("lost", (generation.estimate, generation.delivered)),
            _ => ("nothing_owed", (0, 0)),
        };
        let mut body = self.body(place, execution, &generation.parts, generation.reserved, units);
        extend(
            &mut body,
            json!({"outcome": outcome, "confirmed": false, "evidence": "edge",
            "source": "estimated", "partial": outcome == "lost"}),
        );
        body
    }

    fn body(
        &self,
        place: usize,
        execution: u32,
        parts: &[Part],
        reserved: i64,
        (input, output): (u64, u64),
    ) -> Value {
        let generation = &self.generations[place];
        let tenant = &self.tenants[generation.tenant];
        let used = usage(input, output);
        let due = self.due(place, &used);
        let charge = due.min(reserved);
        let cost = pricing::provider_cost(&self.prices[generation.price].book, &used).unwrap().nanos();
        json!({"generation_id": generation.id, "execution": execution, "tenant_id": tenant.id,
            "key_id": tenant.keys[generation.key].id, "workspace_id": tenant.workspace,
            "lease_ids": parts.iter().map(|part| part.lease).collect::<Vec<Uuid>>(),
            "account_ids": parts.iter().map(|part| part.account).collect::<Vec<Uuid>>(),
            "lease_amounts": parts.iter().map(|part| part.amount).collect::<Vec<i64>>(),
            "reserved": reserved, "price_version_id": self.prices[generation.price].id,
            "markup_bps": generation.markup, "units": Class::ALL.map(|class| used.get(class)),
            "due": due, "charge": charge, "absorbed": due - charge, "waived": 0, "provider_cost": cost,
            "model": "openai/gpt-4o", "provider": "openai", "provider_name": "OpenAI", "deltas": output,
            "streamed": true, "cancelled": false, "received_at_ms": generation.began_ms, "latency_ms": 1,
            "generation_time_ms": 1, "is_byok": false, "upstream_cost": 0, "attempts": []})
    }
}

fn extend(body: &mut Value, more: Value) {
    let (Value::Object(body), Value::Object(more)) = (body, more) else { unreachable!() };
    body.extend(more);
}
