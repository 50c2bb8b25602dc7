import { createSvgIcon } from "@mui/material/utils";
import type { ReactNode } from "react";

function stroked(name: string, shape: ReactNode) {
  return createSvgIcon(
    <g fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round">
      {shape}
    </g>,
    name,
  );
}

export const ArrowBackIcon = stroked("ArrowBack", <path d="M20 12H5m6-6-6 6 6 6" />);
export const CheckIcon = stroked("Check", <path d="m5 12.5 4.5 4.5L19 7.5" />);
export const ClearIcon = stroked("Clear", <path d="m7 7 10 10M17 7 7 17" />);
export const CopyIcon = stroked(
  "Copy",
  <>
    <rect x="9" y="9" width="11" height="11" rx="2" />
    <path d="M5 15H4V6a2 2 0 0 1 2-2h9v1" />
  </>,
);
export const OpenIcon = stroked(
  "Open",
  <path d="M14 4h6v6m0-6-9 9M10 5H6a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2h11a2 2 0 0 0 2-2v-4" />,
);
export const RefreshIcon = stroked("Refresh", <path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.4M20 4v5.4h-5.4" />);
export const SearchIcon = stroked(
  "Search",
  <>
    <circle cx="10.5" cy="10.5" r="6" />
    <path d="m15 15 5 5" />
  </>,
);
export const SunIcon = stroked(
  "Sun",
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v1.5m0 15V21M3 12h1.5m15 0H21M5.6 5.6l1.1 1.1m10.6 10.6 1.1 1.1m0-12.8-1.1 1.1M6.7 17.3l-1.1 1.1" />
  </>,
);
export const MoonIcon = stroked("Moon", <path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z" />);
export const ScreenIcon = stroked(
  "Screen",
  <>
    <rect x="3.5" y="5" width="17" height="11" rx="2" />
    <path d="M9 20h6m-3-4v4" />
  </>,
);
export const WarningIcon = stroked("Warning", <path d="M12 4 2.8 19.5h18.4L12 4Zm0 6v4.5m0 2.7v.1" />);
export const BoxIcon = stroked("Box", <path d="m12 3 8 4.5v9L12 21l-8-4.5v-9L12 3Zm-8 4.5 8 4.5m0 0 8-4.5M12 12v9" />);
export const ChevronIcon = stroked("Chevron", <path d="m9 6 6 6-6 6" />);
