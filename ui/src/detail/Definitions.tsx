import Box from "@mui/material/Box";
import { Fragment, type ReactNode } from "react";

export interface Definition {
  term: string;
  value: ReactNode;
}

/** Terms and their values side by side. */
export function Definitions({ items }: { items: Definition[] }) {
  return (
    <Box
      component="dl"
      sx={{
        m: 0,
        display: "grid",
        gridTemplateColumns: { xs: "minmax(0, 1fr)", sm: "minmax(120px, max-content) minmax(0, 1fr)" },
        columnGap: 4,
        rowGap: { xs: 0.25, sm: 0.75 },
        "& dt": { color: "text.secondary", lineHeight: 1.7 },
        "& dd": { m: 0, mb: { xs: 1, sm: 0 }, minWidth: 0, overflowWrap: "anywhere", lineHeight: 1.7 },
      }}
    >
      {items.map(({ term, value }) => (
        <Fragment key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </Box>
  );
}
