// Keys under which an operator's request, sent again by a slip or after a lost answer, is done once.

import { useState } from "react";

export interface OnceHeader {
  "Idempotency-Key": string;
}

/** The header for what is asked: the same for the same, as the API demands, and another one for anything else. */
export type Once = (asked: unknown) => OnceHeader;

export function onceHeaders(): Once {
  const keys = new Map<string, string>();
  return (asked) => {
    const text = JSON.stringify(asked);
    const key = keys.get(text) ?? crypto.randomUUID();
    keys.set(text, key);
    return { "Idempotency-Key": key };
  };
}

/** For one dialog: when it is opened again, the same is meant a second time. */
export const useOnce = (): Once => useState(onceHeaders)[0];
