import Box from "@mui/material/Box";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableContainer from "@mui/material/TableContainer";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";

import { LongText } from "../common/LongText";
import { Timestamp } from "../common/Timestamp";
import type { Property } from "../model/artifact";
import { parseDocument } from "../model/json";
import { MONO } from "../theme";
import { JsonView } from "./JsonView";
import { Section } from "./Section";

interface PropertySectionProps {
  heading: string;
  properties: Property[];
}

export function PropertySection({ heading, properties }: PropertySectionProps) {
  return (
    <Section heading={heading}>
      {properties.length === 0 ? (
        <Box sx={{ color: "text.secondary" }}>None.</Box>
      ) : (
        <TableContainer>
          <Table size="small" aria-label={heading} sx={{ tableLayout: "fixed", mx: -2, width: "calc(100% + 32px)" }}>
            <TableHead>
              <TableRow>
                <TableCell sx={{ width: { xs: "35%", sm: 180 } }}>Name</TableCell>
                <TableCell>Value</TableCell>
                <TableCell sx={{ width: 90, display: { xs: "none", sm: "table-cell" } }}>Kind</TableCell>
              </TableRow>
            </TableHead>
            <TableBody>
              {properties.map((property) => (
                <TableRow key={property.name} sx={{ "&:last-child td, &:last-child th": { border: 0 } }}>
                  <TableCell
                    component="th"
                    scope="row"
                    sx={{ fontFamily: MONO, verticalAlign: "top", overflowWrap: "anywhere" }}
                  >
                    {property.name}
                  </TableCell>
                  <TableCell sx={{ overflowWrap: "anywhere" }}>
                    <PropertyValue property={property} />
                  </TableCell>
                  <TableCell
                    sx={{ color: "text.secondary", verticalAlign: "top", display: { xs: "none", sm: "table-cell" } }}
                  >
                    {property.kind}
                  </TableCell>
                </TableRow>
              ))}
            </TableBody>
          </Table>
        </TableContainer>
      )}
    </Section>
  );
}

function PropertyValue({ property: { name, text } }: { property: Property }) {
  if (name === "create_time") return <Timestamp text={text} />;
  const document = parseDocument(text);
  return document ? <JsonView value={document} /> : <LongText text={text} />;
}
