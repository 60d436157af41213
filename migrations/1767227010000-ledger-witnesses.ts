import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What witnesses signed of the ledger's checkpoints, and why one does not. */
export class LedgerWitnesses1767227010000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ledger_cosignature (
        -- Of the checkpoint that was signed.
        size         bigint not null,
        root         bytea not null check (length(root) = 32),
        -- The witness's key, as C2SP notes write it.
        verifier     text not null,
        -- Its line below the checkpoint.
        line         text not null,
        witnessed_at timestamptz not null,
        primary key (verifier, size)
      )
    `);
    await runner.query('create index ledger_cosignature_size on ledger_cosignature (size)');
    await runner.query(`
      create table ledger_witness (
        verifier text primary key,
        -- Why it does not sign: code, detail, since; null where it does.
        problem  jsonb
      )
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
