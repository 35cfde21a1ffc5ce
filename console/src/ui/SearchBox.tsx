import { type InputHTMLAttributes, useState } from "react";

type Props = Omit<InputHTMLAttributes<HTMLInputElement>, "type" | "value" | "onChange"> & {
  /** What is searched for, as the page's address says. */
  value: string;
  onSearch: (text: string) => void;
};

/**
 * A box whose text is kept in the page's address. Addresses change a moment after a letter was typed: until the box is
 * left it shows what was typed, or the next letter would be put to a text that lacks this one.
 */
export function SearchBox({ value, onSearch, className = "input grow", ...input }: Props) {
  const [typed, type] = useState<string | null>(null);
  return (
    <input
      {...input}
      type="search"
      className={className}
      value={typed ?? value}
      onChange={(event) => {
        type(event.target.value);
        onSearch(event.target.value);
      }}
      onBlur={() => type(null)}
    />
  );
}
