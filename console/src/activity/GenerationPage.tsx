import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { FormEvent } from "react";

import { type Schemas, answer, api } from "~/api/client";
import { ApiError } from "~/api/errors";
import { usd } from "~/format/money";
import { count, duration, throughput } from "~/format/number";
import { dateTime } from "~/format/time";
import { useMay } from "~/session/session";
import { Button } from "~/ui/Button";
import { CodeBlock, CopyButton } from "~/ui/Copy";
import { SelectField, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Badge, ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Facts, Page, Stats } from "~/ui/Page";
import { complain, say } from "~/ui/toast";

type Generation = Schemas["Generation"];
type Category = Schemas["FeedbackCategory"];

const route = getRouteApi("/inside/generations/$id");

function Attempts({ of }: { of: Generation }) {
  return (
    <Card title="Attempts">
      {of.provider_responses.length === 0 ? (
        <p className="soft">No provider was asked.</p>
      ) : (
        <ol className="attempts">
          {of.provider_responses.map((attempt, place) => {
            const isGood = attempt.status !== null && attempt.status !== undefined && attempt.status < 300;
            return (
              <li key={`${attempt.endpoint_id} ${place}`}>
                <span className="attempt-place" aria-hidden="true">
                  {place + 1}
                </span>
                <div className="stack-tight">
                  <strong>{attempt.provider_name}</strong>
                  <span className="soft mono whole">{attempt.model_permaslug}</span>
                </div>
                {attempt.is_byok ? <Badge tone="accent">own key</Badge> : null}
                <Badge tone={isGood ? "good" : "bad"}>
                  {attempt.status ? `HTTP ${attempt.status}` : "no answer"}
                </Badge>
                <span className="number">{duration(attempt.latency)}</span>
              </li>
            );
          })}
        </ol>
      )}
    </Card>
  );
}

function Content({ id }: { id: string }) {
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ["generation", id, "content"],
    queryFn: async () => (await answer(api.GET("/generation/content", { params: { query: { id } } }))).data,
    enabled: false,
  });
  const isNotKept = error instanceof ApiError && error.status === 404;
  return (
    <Card title="Content">
      {data ? (
        <div className="stack">
          <CodeBlock label="What was sent" code={JSON.stringify(data.input, null, 2)} />
          {data.output.reasoning ? <CodeBlock label="The reasoning" code={data.output.reasoning} /> : null}
          {data.output.completion ? <CodeBlock label="The answer" code={data.output.completion} /> : null}
          {data.output.tool_calls.length > 0 ? (
            <CodeBlock label="Calls of tools" code={JSON.stringify(data.output.tool_calls, null, 2)} />
          ) : null}
          {data.error?.message ? <Note tone="bad">{data.error.message}</Note> : null}
          {data.truncated ? <Note tone="warn">What was kept is cut: it was too long.</Note> : null}
        </div>
      ) : (
        <div className="stack">
          <p className="soft">
            Requests and answers are kept only where the workspace logs them. Reading them is recorded.
          </p>
          {isNotKept ? (
            <Note>Nothing of this generation&apos;s content is kept.</Note>
          ) : error ? (
            <ErrorNote error={error} />
          ) : null}
          <div>
            <Button busy={isFetching} onClick={() => void refetch()}>
              Show what is kept
            </Button>
          </div>
        </div>
      )}
    </Card>
  );
}

const CATEGORIES: { value: Category; label: string }[] = [
  { value: "incorrect_response", label: "The answer is wrong" },
  { value: "incoherence", label: "The answer makes no sense" },
  { value: "formatting", label: "The format is wrong" },
  { value: "latency", label: "It was slow" },
  { value: "billing", label: "The cost is wrong" },
  { value: "api_error", label: "The API failed" },
  { value: "other", label: "Something else" },
];

function Feedback({ id }: { id: string }) {
  const { form, field } = useForm({ category: "incorrect_response" as Category, comment: "" });
  const send = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/generation/feedback", {
          body: { generation_id: id, category: form.category, comment: form.comment || null },
        }),
      ),
    onSuccess: () => say("Your feedback is kept."),
    onError: complain,
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    send.mutate();
  }
  return (
    <Card title="Something wrong with it?">
      <form className="form" onSubmit={submit}>
        <div className="input-row">
          <SelectField label="What" options={CATEGORIES} {...field("category")} />
          <TextField label="Comment" maxLength={1000} {...field("comment")} />
        </div>
        <div className="form-actions">
          <Button type="submit" busy={send.isPending}>
            Send
          </Button>
        </div>
      </form>
    </Card>
  );
}

/** Tokens per second, of what came piece by piece: `generation_time` is from the first piece to the last. */
function speedOf(one: Generation): number | null {
  const seconds = one.generation_time / 1000;
  return one.streamed && seconds > 0 ? one.native_tokens_completion / seconds : null;
}

function Details({ of: one }: { of: Generation }) {
  return (
    <div className="columns">
      <Card title="Request">
        <Facts
          facts={[
            [
              "Model",
              <Link key="model" to="/model/$" params={{ _splat: one.model }}>
                {one.model}
              </Link>,
            ],
            ["Provider", one.provider_name ?? "–"],
            ["API", one.api_type],
            ["Streamed", one.streamed ? "yes" : "no"],
            ["Finished", one.finish_reason ?? "–"],
            ["At the provider", one.native_finish_reason ?? "–"],
            ["Cancelled", one.cancelled ? "yes, by the client" : "no"],
            ["Router", one.router ?? "–"],
            ["Preset", one.preset_id ?? "–"],
            ["Service tier", one.service_tier ?? "–"],
            ["App", one.http_referer ?? "–"],
            ["End user", one.external_user ?? "–"],
            ["Session", one.session_id ?? "–"],
            [
              "Id at the provider",
              <span key="upstream" className="mono">
                {one.upstream_id ?? "–"}
              </span>,
            ],
          ]}
        />
      </Card>
      <Card title="Tokens and money">
        <Facts
          facts={[
            ["Input", count(one.native_tokens_prompt)],
            ["of it from a cache", count(one.native_tokens_cached)],
            ["Output", count(one.native_tokens_completion)],
            ["of it reasoning", count(one.native_tokens_reasoning)],
            ["Charged", usd(one.total_cost)],
            [one.is_byok ? "Paid to the provider" : "Cost at the provider", usd(one.upstream_inference_cost)],
            ["Saved by caching", usd(one.cache_discount)],
            ["Own provider key", one.is_byok ? "yes" : "no"],
          ]}
        />
      </Card>
    </div>
  );
}

export function GenerationPage() {
  const { id } = route.useParams();
  const may = useMay();
  const { data, error, refetch } = useQuery({
    queryKey: ["generation", id],
    queryFn: async () => (await answer(api.GET("/generation", { params: { query: { id } } }))).data,
  });
  return (
    <Page
      title="Generation"
      about={<span className="mono">{id}</span>}
      actions={<CopyButton text={id} label="Copy the id" />}
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <>
          <Stats
            figures={[
              { label: "Charged", value: usd(data.total_cost) },
              { label: "First token", value: duration(data.latency) },
              { label: "In all", value: duration(data.latency + data.generation_time) },
              { label: "Speed", value: throughput(speedOf(data)) },
              { label: "When", value: <span className="stat-small">{dateTime(data.created_at)}</span> },
            ]}
          />
          <Attempts of={data} />
          <Details of={data} />
          {may("content.read") ? <Content id={id} /> : null}
          {may("feedback.write") ? <Feedback id={id} /> : null}
        </>
      ) : error ? null : (
        <Loading lines={8} />
      )}
    </Page>
  );
}
