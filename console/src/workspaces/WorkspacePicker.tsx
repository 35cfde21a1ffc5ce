import { useQuery } from "@tanstack/react-query";

import { workspacesQuery } from "./workspaces";

/** Chooses the workspace that a list is of. With one workspace there is nothing to choose. */
export function WorkspacePicker({
  value,
  onChange,
}: {
  value: string | undefined;
  onChange: (id: string | undefined) => void;
}) {
  const { data: workspaces } = useQuery(workspacesQuery);
  if (!workspaces || workspaces.length < 2) return null;
  const standard = workspaces[0]?.id;
  return (
    <label className="picker">
      Workspace
      <select
        className="input"
        value={value ?? standard}
        onChange={(event) => onChange(event.target.value === standard ? undefined : event.target.value)}
      >
        {workspaces.map((workspace) => (
          <option key={workspace.id} value={workspace.id}>
            {workspace.name}
          </option>
        ))}
      </select>
    </label>
  );
}
