import Box from "@mui/material/Box";
import Paper from "@mui/material/Paper";
import type { ReactNode } from "react";

interface NoticeProps {
  icon: ReactNode;
  heading: string;
  /** h1 where the notice is the whole page. */
  level?: "h1" | "h2";
  children: ReactNode;
  /** Read out by screen readers at once. */
  alert?: boolean;
}

/** What stands in place of content: nothing there, nothing found, something wrong. */
export function Notice({ icon, heading, level = "h1", children, alert = false }: NoticeProps) {
  return (
    <Paper variant="outlined" role={alert ? "alert" : undefined} sx={{ px: 3, py: { xs: 4, md: 6 } }}>
      <Box sx={{ maxWidth: 680, mx: "auto", "& p": { color: "text.secondary", lineHeight: 1.6 } }}>
        <Box sx={{ color: alert ? "error.main" : "text.secondary", "& svg": { fontSize: 36 } }}>{icon}</Box>
        <Box component={level} sx={{ typography: "h1", fontSize: "1.2rem", mt: 1, mb: 1 }}>
          {heading}
        </Box>
        {children}
      </Box>
    </Paper>
  );
}
