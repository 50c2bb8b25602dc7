import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableContainer from "@mui/material/TableContainer";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";

import { useArtifactEvents } from "../api/queries";
import { clip } from "../common/clip";
import { Timestamp } from "../common/Timestamp";
import { TypeName } from "../common/TypeName";
import type { ArtifactEvent, Execution } from "../model/artifact";
import { Section } from "./Section";

const WORDS: Record<string, string> = {
  INPUT: "Input of",
  DECLARED_INPUT: "Declared input of",
  OUTPUT: "Output of",
  DECLARED_OUTPUT: "Declared output of",
};

/** The executions that made or used an artifact. */
export function EventSection({ id }: { id: string }) {
  const { data, error, refetch } = useArtifactEvents(id);
  return (
    <Section heading="Executions">
      {error ? (
        <Alert
          severity="error"
          action={
            <Button color="inherit" size="small" onClick={() => void refetch()}>
              Retry
            </Button>
          }
        >
          Executions could not be loaded. {error.message}
        </Alert>
      ) : !data ? (
        <Skeleton sx={{ width: "60%" }} />
      ) : data.events.length === 0 ? (
        <Box sx={{ color: "text.secondary" }}>No execution produced or used this artifact.</Box>
      ) : (
        <EventTable {...data} />
      )}
    </Section>
  );
}

interface EventTableProps {
  events: ArtifactEvent[];
  executions: Map<string, Execution>;
}

function EventTable({ events, executions }: EventTableProps) {
  const wide = { display: { xs: "none", md: "table-cell" } };
  return (
    <TableContainer>
      <Table size="small" aria-label="Executions" sx={{ mx: -2, width: "calc(100% + 32px)" }}>
        <TableHead>
          <TableRow>
            <TableCell>Role</TableCell>
            <TableCell>Execution</TableCell>
            <TableCell sx={wide}>Type</TableCell>
            <TableCell sx={wide}>State</TableCell>
            <TableCell>Time</TableCell>
          </TableRow>
        </TableHead>
        <TableBody>
          {events.map(({ type, executionId, time }, index) => {
            const execution = executions.get(executionId);
            return (
              <TableRow key={index} sx={{ "&:last-child td": { border: 0 } }}>
                <TableCell>
                  <Chip size="small" label={WORDS[type] ?? type} />
                </TableCell>
                <TableCell sx={{ overflowWrap: "anywhere" }}>
                  {clip(execution?.name ?? `Execution ${executionId}`)}
                </TableCell>
                <TableCell sx={wide}>{execution && <TypeName name={execution.type} />}</TableCell>
                <TableCell sx={wide}>{execution?.state}</TableCell>
                <TableCell>
                  <Timestamp text={time} />
                </TableCell>
              </TableRow>
            );
          })}
        </TableBody>
      </Table>
    </TableContainer>
  );
}
