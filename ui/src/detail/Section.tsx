import Box from "@mui/material/Box";
import Paper from "@mui/material/Paper";
import { useId, type ReactNode } from "react";
import { MONO } from "../theme";

interface SectionProps {
  heading: string;
  /** Where the content comes from, in the store's own words. */
  source?: string;
  action?: ReactNode;
  children: ReactNode;
}

export function Section({ heading, source, action, children }: SectionProps) {
  const id = useId();
  return (
    <Paper component="section" variant="outlined" aria-labelledby={id} sx={{ minWidth: 0 }}>
      <Box sx={{ display: "flex", alignItems: "center", minHeight: 48, px: 2, gap: 1 }}>
        <Box component="h2" id={id} sx={{ typography: "h2", m: 0 }}>
          {heading}
        </Box>
        <Box sx={{ flexGrow: 1, fontFamily: MONO, fontSize: "0.8rem", color: "text.secondary" }}>{source}</Box>
        {action}
      </Box>
      <Box sx={{ px: 2, pb: 2 }}>{children}</Box>
    </Paper>
  );
}
