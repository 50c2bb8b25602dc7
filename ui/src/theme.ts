import { createTheme } from "@mui/material/styles";

const SANS = 'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", sans-serif';
export const MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace';

export const theme = createTheme({
  cssVariables: { colorSchemeSelector: "data" },
  colorSchemes: {
    light: {
      palette: {
        primary: { main: "#3b5bdb" },
        background: { default: "#f6f7f9", paper: "#ffffff" },
        text: { primary: "#1b1f27", secondary: "#586070" },
        divider: "#e2e5ea",
      },
    },
    dark: {
      palette: {
        primary: { main: "#91a7ff" },
        background: { default: "#101318", paper: "#181c23" },
        text: { primary: "#e6e9ef", secondary: "#9ea7b8" },
        divider: "#2a303a",
      },
    },
  },
  shape: { borderRadius: 8 },
  typography: {
    fontFamily: SANS,
    fontSize: 13,
    body1: { fontSize: "0.875rem" },
    body2: { fontSize: "0.8125rem" },
    h1: { fontSize: "1.5rem", fontWeight: 650, letterSpacing: "-0.01em", lineHeight: 1.3 },
    h2: { fontSize: "0.95rem", fontWeight: 650, lineHeight: 1.4 },
    button: { textTransform: "none", fontWeight: 600 },
  },
  components: {
    MuiPaper: { defaultProps: { elevation: 0 }, styleOverrides: { root: { backgroundImage: "none" } } },
    MuiButton: { defaultProps: { disableElevation: true } },
    MuiTableCell: {
      styleOverrides: {
        root: ({ theme: { vars } }) => ({ borderColor: vars.palette.divider }),
        head: ({ theme: { vars } }) => ({
          color: vars.palette.text.secondary,
          fontWeight: 600,
          whiteSpace: "nowrap",
        }),
      },
    },
  },
});
