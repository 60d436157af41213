import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The event log of `libs/event-sourcing/postgres`: one append-only table and the function that appends to it. */
export class EventLog1767225600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create schema event_log');
    // Text, not jsonb: jsonb keeps the meaning, hashes need the bytes.
    await runner.query(`
      create table event_log.events (
        position bigint primary key,
        stream text collate "C" not null,
        revision int not null check (revision >= 0),
        id uuid not null,
        type text not null,
        data text not null,
        metadata text not null,
        created timestamptz not null default now(),
        unique (stream, revision)
      )`);
    await this.refuseChanges(runner);
    await this.createAppend(runner);
  }

  async down(): Promise<void> {
    throw new Error('The event log is never taken down: it is the system of record.');
  }

  private async refuseChanges(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function event_log.refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception 'event_log.events is append-only: % is refused.', lower(tg_op)
          using errcode = 'restrict_violation', hint = 'Events are facts. Record a correction as a new event.';
      end $$`);
    await runner.query(`
      create trigger append_only before update or delete or truncate on event_log.events
      for each statement execute function event_log.refuse_change()`);
    // Also for sessions that replicate, where ordinary triggers sleep.
    await runner.query('alter table event_log.events enable always trigger append_only');
  }

  /**
   * Appends a group of appends, at most one to a stream, each event a line of each parameter: JSON text has no raw line
   * break, and lines cost no escaping. `revisions` are those that the events shall have.
   *
   * Whatever is not at its expected revision is left out and reported, the rest is stored: event n of the group (from 1)
   * at position `before` + n. A reported stream with a `stored` position had these very events already, there.
   */
  private async createAppend(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create function event_log.append(
        streams text, revisions int[], ids uuid[], types text, data text, metadata text,
        out before bigint, out refused text[], out actual int[], out stored bigint[]
      ) language plpgsql as $$
      declare
        stream_of text[] := string_to_array(streams, e'\\n');
      begin
        -- Before anything is read: who holds it has seen all earlier events, so positions become visible in their order.
        perform pg_advisory_xact_lock(7014601514);
        select coalesce(max(e.position), -1) into before from event_log.events e;

        select array_agg(w.stream), array_agg(w.actual) into refused, actual
        from (
          select a.stream, a.expected,
            coalesce((select e.revision from event_log.events e where e.stream = a.stream order by e.revision desc limit 1), -1) as actual
          from (
            select n.stream, min(n.revision) - 1 as expected from unnest(stream_of, revisions) as n(stream, revision) group by n.stream
          ) a
        ) w
        where w.actual <> w.expected;

        if refused is not null then
          select array_agg(
            (select case when bool_and(e.id is not distinct from n.id) then max(e.position) end
             from unnest(stream_of, revisions, ids) as n(stream, revision, id)
             left join event_log.events e on e.stream = n.stream and e.revision = n.revision
             where n.stream = r.stream)
            order by r.place
          ) into stored
          from unnest(refused) with ordinality as r(stream, place);
        end if;

        insert into event_log.events (position, stream, revision, id, type, data, metadata)
        select before + n.place, n.stream, n.revision, n.id, n.type, n.data, n.metadata
        from unnest(stream_of, revisions, ids, string_to_array(types, e'\\n'), string_to_array(data, e'\\n'), string_to_array(metadata, e'\\n'))
          with ordinality as n(stream, revision, id, type, data, metadata, place)
        where refused is null or n.stream <> all (refused);

        if found then
          perform pg_notify('event_log', (before + cardinality(revisions))::text);
        end if;
      end $$`);
  }
}
