import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The message bus of `libs/messaging/postgres`, and what consumers remember on any bus: what was consumed, and dead letters. */
export class Messaging1767225700000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create schema messaging');
    await runner.query(`
      create table messaging.topics (
        name       text primary key,
        partitions integer not null check (partitions > 0)
      )
    `);
    await runner.query(`
      create table messaging.partitions (
        topic       text not null references messaging.topics,
        partition   integer not null,
        next_offset bigint not null default 0,
        primary key (topic, partition)
      )
    `);
    // Keys are bytes and headers are JSON kept as text, because text and jsonb refuse NUL, which a sender may use.
    await runner.query(`
      create table messaging.messages (
        topic        text not null,
        partition    integer not null,
        "offset"     bigint not null,
        key          bytea not null,
        value        bytea not null,
        headers      json not null,
        published_at timestamptz not null default clock_timestamp(),
        primary key (topic, partition, "offset")
      )
    `);
    await runner.query(`
      create table messaging.members (
        group_name text not null,
        topic      text not null,
        member     uuid not null,
        seen_until timestamptz not null,
        primary key (group_name, topic, member)
      )
    `);
    await runner.query(`
      create table messaging.group_offsets (
        group_name  text not null,
        topic       text not null,
        partition   integer not null,
        next_offset bigint not null default 0,
        holder      uuid,
        -- Rises with every claim: a holder whose token is no longer here may not commit.
        token       bigint not null default 0,
        lease_until timestamptz,
        primary key (group_name, topic, partition)
      )
    `);
    await runner.query(`
      create function messaging.ensure_topic(p_topic text, p_partitions integer) returns void language plpgsql as $$
      begin
        insert into messaging.topics (name, partitions) values (p_topic, p_partitions) on conflict do nothing;
        if found then
          insert into messaging.partitions (topic, partition) select p_topic, n from generate_series(0, p_partitions - 1) n;
        end if;
      end $$
    `);
    // The rows of the partitions are locked in one order until the commit: offsets become visible in their order, and a
    // reader who asks for "offset >= next" misses none. SHA-256 because it never changes, unlike hashtext().
    await runner.query(`
      create function messaging.publish(p_topic text, p_keys bytea[], p_values bytea[], p_headers text[]) returns void language plpgsql as $$
      declare
        v_partitions integer := (select partitions from messaging.topics where name = p_topic);
        v_places integer[] := (
          select array_agg(('x' || encode(substr(sha256(key), 1, 4), 'hex'))::bit(32)::bigint % v_partitions order by n)
          from unnest(p_keys) with ordinality as k(key, n)
        );
      begin
        perform 1 from messaging.partitions where topic = p_topic and partition = any(v_places) order by partition for update;
        insert into messaging.messages (topic, partition, "offset", key, value, headers)
          select p_topic, m.partition, p.next_offset + row_number() over (partition by m.partition order by m.n) - 1, m.key, m.value, m.headers::json
          from unnest(v_places, p_keys, p_values, p_headers) with ordinality as m(partition, key, value, headers, n)
          join messaging.partitions p on p.topic = p_topic and p.partition = m.partition;
        update messaging.partitions p set next_offset = p.next_offset + c.count
          from (select place, count(*) from unnest(v_places) place group by place) c
          where p.topic = p_topic and p.partition = c.place;
        perform pg_notify('messaging', 'topic:' || p_topic);
      end $$
    `);
    await runner.query(`
      create table messaging.consumed (
        group_name  text not null,
        id          uuid not null,
        consumed_at timestamptz not null default now(),
        primary key (group_name, id)
      )
    `);
    await runner.query('create index consumed_at on messaging.consumed (consumed_at)');
    await runner.query(`
      create table messaging.dead_letters (
        id           uuid primary key,
        group_name   text not null,
        -- What \`consumed\` would have held, had it been consumed.
        message_id   uuid not null,
        topic        text not null,
        partition    integer not null,
        "offset"     bigint not null,
        key          bytea not null,
        value        bytea not null,
        headers      json not null,
        published_at timestamptz not null,
        reason       text not null,
        attempts     integer not null,
        first_at     timestamptz not null default now(),
        last_at      timestamptz not null default now(),
        -- When the copy reached the dead-letter topic.
        forwarded_at timestamptz,
        redriven_at  timestamptz,
        unique (group_name, message_id)
      )
    `);
    await runner.query('create index dead_letters_open on messaging.dead_letters (first_at, id) where redriven_at is null');
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
