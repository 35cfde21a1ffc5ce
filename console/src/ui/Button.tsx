import { Link, type LinkProps } from "@tanstack/react-router";
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

export type ButtonKind = "primary" | "plain" | "danger" | "quiet";

interface Looks {
  kind?: ButtonKind;
  size?: "small";
  /** For a button that shows only a sign; it needs an `aria-label`. */
  shape?: "square";
}

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement>, Looks {
  /** While what it began is under way: it cannot begin again, and keeps the focus. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({
  kind = "plain",
  size,
  shape,
  busy = false,
  onClick,
  children,
  ...others
}: ButtonProps) {
  return (
    <button
      type="button"
      className="button"
      data-kind={kind}
      data-size={size}
      data-shape={shape}
      aria-busy={busy}
      aria-disabled={busy || undefined}
      // Forms are sent by a click, also with Enter in a field.
      onClick={busy ? (event) => event.preventDefault() : onClick}
      {...others}
    >
      {busy ? "Working…" : children}
    </button>
  );
}

/** A link that looks like a button: it leads somewhere and does nothing. */
export function ButtonLink({
  kind = "plain",
  size,
  shape,
  ...others
}: LinkProps & Looks & { children?: ReactNode; "aria-label"?: string }) {
  return <Link className="button" data-kind={kind} data-size={size} data-shape={shape} {...others} />;
}
