// One model of the playground: its turns, and what the last one cost.

import { Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";

import { usd } from "~/format/money";
import { count, duration, throughput } from "~/format/number";
import { Button } from "~/ui/Button";
import { CopyButton } from "~/ui/Copy";
import { Badge, ErrorNote } from "~/ui/Note";
import { Facts } from "~/ui/Page";

import { type Answer, type Routing, speedOf } from "./answer";

export interface Turn {
  prompt: string;
  answer: Answer;
}

function RoutingDetails({ routing }: { routing: Routing }) {
  const failed = (routing.attempts ?? []).filter((attempt) => attempt.status >= 300);
  return (
    <details className="lane-routing">
      <summary>
        Routing: {routing.strategy}
        {failed.length > 0 ? ` · ${failed.length} failed over` : ""}
      </summary>
      <Facts
        facts={[
          [
            "Asked for",
            <span key="requested" className="mono">
              {routing.requested}
            </span>,
          ],
          ["Region", routing.region ?? "any"],
          ["Endpoints", `${routing.endpoints.available.length} could serve, of ${routing.endpoints.total}`],
          ["Own key", routing.is_byok ? "yes" : "no"],
        ]}
      />
      <ol className="routing-list">
        {(routing.attempts ?? []).map((attempt, place) => (
          <li key={`${attempt.provider} ${place}`}>
            <Badge tone={attempt.status < 300 ? "good" : "bad"}>{attempt.status}</Badge> {attempt.provider}{" "}
            <span className="soft">{attempt.model}</span>
          </li>
        ))}
      </ol>
      <ul className="routing-list">
        {routing.endpoints.available.map((endpoint, place) => (
          <li key={`${endpoint.provider} ${place}`} className={endpoint.selected ? "" : "soft"}>
            {endpoint.selected ? "● " : "○ "}
            {endpoint.provider} {endpoint.model}
          </li>
        ))}
      </ul>
      {(routing.pipeline ?? []).map((stage) => (
        <p key={`${stage.type} ${stage.name}`}>
          <Badge tone="accent">{stage.type}</Badge> {stage.summary ?? stage.name}
        </p>
      ))}
    </details>
  );
}

function Outcome({ answer }: { answer: Answer }) {
  const { usage } = answer;
  const speed = speedOf(answer);
  return (
    <div className="lane-outcome">
      <div className="chips">
        <Badge title="Time to the first token">TTFT {duration(answer.firstToken)}</Badge>
        <Badge title="From the request to the end">{duration(answer.elapsed)}</Badge>
        {speed === null ? null : <Badge>{throughput(speed)}</Badge>}
        {usage ? (
          <>
            <Badge>
              {count(usage.prompt_tokens)} in · {count(usage.completion_tokens)} out
            </Badge>
            <Badge tone="accent">{usd(usage.cost)}</Badge>
          </>
        ) : null}
        {answer.provider ? <Badge>{answer.provider}</Badge> : null}
        {answer.finish && answer.finish !== "stop" ? <Badge tone="warn">{answer.finish}</Badge> : null}
        {answer.state === "stopped" ? <Badge tone="warn">stopped</Badge> : null}
      </div>
      {answer.routing ? <RoutingDetails routing={answer.routing} /> : null}
      <div className="bar">
        {answer.generation ? (
          <Link to="/generations/$id" params={{ id: answer.generation }}>
            Generation
          </Link>
        ) : null}
        {answer.text ? <CopyButton text={answer.text} /> : null}
      </div>
    </div>
  );
}

function Shown({ turn }: { turn: Turn }) {
  const { answer } = turn;
  const isOver = answer.state !== "waiting" && answer.state !== "streaming";
  return (
    <div className="turn">
      <p className="turn-prompt">{turn.prompt}</p>
      {answer.reasoning ? (
        <details className="soft">
          <summary>Reasoning</summary>
          <p className="turn-text">{answer.reasoning}</p>
        </details>
      ) : null}
      <p className="turn-text">
        {answer.text}
        {isOver ? null : <span className="cursor" aria-hidden="true" />}
      </p>
      {answer.error ? <ErrorNote error={answer.error} /> : null}
      {isOver ? <Outcome answer={answer} /> : null}
    </div>
  );
}

export function Lane({ model, turns, onRemove }: { model: string; turns: Turn[]; onRemove: () => void }) {
  const bottom = useRef<HTMLDivElement>(null);
  const last = turns.at(-1)?.answer;
  const isRunning = last?.state === "waiting" || last?.state === "streaming";
  useEffect(() => {
    const box = bottom.current;
    // Who has scrolled up reads something.
    if (box && box.scrollHeight - box.scrollTop - box.clientHeight < 160) box.scrollTop = box.scrollHeight;
  }, [last?.text, last?.state]);
  return (
    <section className="lane" aria-label={model}>
      <header className="lane-head">
        <Link className="cut" to="/model/$" params={{ _splat: model }}>
          {model}
        </Link>
        <Button kind="quiet" size="small" shape="square" aria-label={`Remove ${model}`} onClick={onRemove}>
          ✕
        </Button>
      </header>
      {/* Scrolls by itself, also with the keyboard. */}
      <div
        className="lane-turns"
        ref={bottom}
        tabIndex={0}
        aria-busy={isRunning}
        aria-label={`Answers of ${model}`}
        role="log"
      >
        {turns.length === 0 ? <p className="soft">Waits for a prompt.</p> : null}
        {turns.map((turn, place) => (
          <Shown key={place} turn={turn} />
        ))}
      </div>
    </section>
  );
}
