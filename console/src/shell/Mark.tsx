/** The sign of the house: two cords of a patch bay. */
export function Mark() {
  return (
    <svg width="28" height="28" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0f766e" />
      <g fill="none" stroke="#fff" strokeWidth="2.5" strokeLinecap="round">
        <path d="M9 10c8 0 6 12 14 12" />
        <path d="M9 22c3 0 4-1.6 5.5-3.5M18 12.500c1.300-1.500 2.500-2.500 5-2.500" opacity=".6" />
      </g>
      <g fill="#fff">
        <circle cx="8" cy="10" r="3" />
        <circle cx="8" cy="22" r="3" />
        <circle cx="24" cy="10" r="3" />
        <circle cx="24" cy="22" r="3" />
      </g>
    </svg>
  );
}
