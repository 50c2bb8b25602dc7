import Box from "@mui/material/Box";

import { MONO } from "../theme";
import { CopyButton } from "./CopyButton";

export function CodeBlock({ code, label }: { code: string; label: string }) {
  return (
    <Box sx={{ position: "relative", my: 2 }}>
      <Box
        component="pre"
        tabIndex={0}
        aria-label={label}
        sx={{
          m: 0,
          p: 2,
          pr: 6,
          overflowX: "auto",
          borderRadius: 1,
          bgcolor: "action.hover",
          fontFamily: MONO,
          fontSize: "0.8rem",
          lineHeight: 1.6,
        }}
      >
        {code}
      </Box>
      <Box sx={{ position: "absolute", top: 8, right: 8 }}>
        <CopyButton text={code} label={`Copy ${label}`} />
      </Box>
    </Box>
  );
}
