import Box from "@mui/material/Box";
import Container from "@mui/material/Container";
import { useEffect, useRef } from "react";
import { Link, NavigationType, Outlet, useLocation, useNavigationType } from "react-router";

import logo from "../logo.svg";
import { ARTIFACTS } from "../model/links";
import { ThemeMenu } from "./ThemeMenu";

export function Layout() {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const navigation = useNavigationType();

  useEffect(() => {
    if (navigation !== NavigationType.Push) return;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname, navigation]);

  return (
    <Box sx={{ minHeight: "100vh", bgcolor: "background.default", color: "text.primary" }}>
      <Box component="header" sx={{ bgcolor: "background.paper", borderBottom: 1, borderColor: "divider" }}>
        <Container maxWidth="xl" sx={{ display: "flex", alignItems: "center", minHeight: 52 }}>
          <Box
            component={Link}
            to={ARTIFACTS}
            sx={{
              display: "flex",
              alignItems: "center",
              gap: 1.25,
              color: "inherit",
              textDecoration: "none",
              borderRadius: 1,
            }}
          >
            <Box component="img" src={logo} alt="" sx={{ width: 26, height: 26 }} />
            <Box component="span" sx={{ fontSize: "1rem", fontWeight: 650 }}>
              Artifact Store
            </Box>
            <Box
              component="span"
              sx={{ color: "text.secondary", fontSize: "0.85rem", display: { xs: "none", sm: "inline" } }}
            >
              Kubeflow Metadata
            </Box>
          </Box>
          <Box sx={{ flexGrow: 1 }} />
          <ThemeMenu />
        </Container>
      </Box>
      <Container component="main" maxWidth="xl" ref={main} tabIndex={-1} sx={{ py: { xs: 2, md: 3 }, outline: "none" }}>
        <Outlet />
      </Container>
    </Box>
  );
}
