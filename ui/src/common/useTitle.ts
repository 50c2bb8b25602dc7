import { useEffect } from "react";

const APP = "Artifact Store";

export function useTitle(page: string): void {
  useEffect(() => {
    document.title = page ? `${page} · ${APP}` : APP;
  }, [page]);
}
