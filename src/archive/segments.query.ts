import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, type Page } from '#libs/http';

export interface SegmentRow {
  /** Sequences of the ledger, decimal: the first included, the end excluded. */
  readonly first: string;
  readonly end: string;
  readonly manifest: string | null;
  readonly manifest_sha256: string | null;
  readonly bytes: string | null;
  readonly planned_at: Date;
  readonly written_at: Date | null;
  /** When it was last read back and found whole. */
  readonly verified_at: Date | null;
  readonly retain_until: Date;
  readonly findings: readonly { readonly name: string; readonly where: string; readonly detail: string }[] | null;
}

const COLUMNS = [
  'first', '"end"', 'manifest', 'manifest_sha256', 'bytes', 'planned_at', 'written_at', 'verified_at', 'retain_until', 'findings',
]; // prettier-ignore

/** Newest first. */
export const segmentList = defineList({ order: [{ column: 'first', type: 'bigint', direction: 'desc' }], filters: {} });

export class ArchiveSegments extends Query<Page<Answer<SegmentRow>>> {
  constructor(readonly asked: ReturnType<typeof segmentList.parse>) {
    super();
  }
}

@QueryHandler(ArchiveSegments)
export class ArchiveSegmentsHandler implements IQueryHandler<ArchiveSegments> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: ArchiveSegments): Promise<Page<Answer<SegmentRow>>> {
    const from = `(select ${COLUMNS.join(', ')} from archive_segment) s`;
    const rows = await readRows<SegmentRow>(this.data, from, segmentList.sql(asked));
    return segmentList.page(asked, rows, (row) => camelKeys<SegmentRow>(row));
  }
}
