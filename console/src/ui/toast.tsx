// Short words about what was done. Refusals stay where they were asked for; these go by themselves.

import { Toast } from "@base-ui/react/toast";

import { messageOf } from "~/api/errors";

import { Button } from "./Button";

const manager = Toast.createToastManager();

export function say(text: string): void {
  manager.add({ description: text, timeout: 4000 });
}

export function complain(error: unknown): void {
  manager.add({ description: messageOf(error), type: "bad", priority: "high", timeout: 9000 });
}

function List() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className="toast" data-type={toast.type}>
      <Toast.Description />
      <Toast.Close render={<Button kind="quiet" size="small" shape="square" aria-label="Dismiss" />}>
        ✕
      </Toast.Close>
    </Toast.Root>
  ));
}

export function Toasts() {
  return (
    <Toast.Provider toastManager={manager}>
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}
