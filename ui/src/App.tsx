import CssBaseline from "@mui/material/CssBaseline";
import { ThemeProvider } from "@mui/material/styles";
import { QueryClientProvider, type QueryClient } from "@tanstack/react-query";
import { HashRouter, Navigate, Route, Routes } from "react-router";

import { Layout } from "./common/Layout";
import { NotFoundPage } from "./common/NotFoundPage";
import { ArtifactPage } from "./detail/ArtifactPage";
import { ArtifactListPage } from "./list/ArtifactListPage";
import { ARTIFACTS } from "./model/links";
import { theme } from "./theme";

export function App({ queryClient }: { queryClient: QueryClient }) {
  return (
    <ThemeProvider theme={theme} modeStorageKey="artifact-store-theme" noSsr disableTransitionOnChange>
      <CssBaseline enableColorScheme />
      <QueryClientProvider client={queryClient}>
        <HashRouter>
          <Routes>
            <Route element={<Layout />}>
              <Route index element={<Navigate to={ARTIFACTS} replace />} />
              <Route path={ARTIFACTS} element={<ArtifactListPage />} />
              <Route path="/artifact_types/*" element={<ArtifactPage />} />
              <Route path="*" element={<NotFoundPage />} />
            </Route>
          </Routes>
        </HashRouter>
      </QueryClientProvider>
    </ThemeProvider>
  );
}
