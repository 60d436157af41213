// One program at a time for a site, also when programs are killed while they hold the lock.
import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createOnce, readJson, writeJson } from './files.mjs';
import { isAlive, self, sleep } from './processes.mjs';

const TICKET = /^lock\.(\d+)$/;

/**
 * Runs the work while nobody else holds the folder's lock.
 *
 * The lock is a row of numbered tickets. The highest is the holder's; it is free once that holder has marked it or is dead. Whoever creates
 * the next number holds the lock. The highest ticket is never deleted, so a holder can't be robbed, and no clock is needed.
 * @throws where others hold the lock for longer than `waitMs`
 */
export async function withLock(folder, work, waitMs = 60_000) {
  const mine = await acquire(folder, Date.now() + waitMs);
  try {
    return await work();
  } finally {
    writeJson(join(folder, `lock.${mine}`), { released: true });
  }
}

async function acquire(folder, until) {
  for (;;) {
    const highest = Math.max(0, ...tickets(folder));
    const holder = highest === 0 ? { released: true } : readJson(join(folder, `lock.${highest}`));
    if (holder && (holder.released || !isAlive(holder))) {
      const mine = highest + 1;
      const path = join(folder, `lock.${mine}`);
      if (createOnce(path, JSON.stringify(self()))) {
        const others = tickets(folder);
        if (Math.max(...others) === mine) {
          for (const old of others) if (old < mine) removeTicket(folder, old);
          return mine;
        }
        // Slept so long that others have come and gone and our number was tidied away: it is no longer the highest, so it holds nothing.
        removeTicket(folder, mine);
      }
    }
    if (Date.now() > until) throw new Error('Another step of this site is still at work; this one waited for its turn in vain.');
    await sleep(20);
  }
}

function tickets(folder) {
  return readdirSync(folder).flatMap((name) => {
    const ticket = TICKET.exec(name);
    return ticket ? [Number(ticket[1])] : [];
  });
}

function removeTicket(folder, number) {
  try {
    unlinkSync(join(folder, `lock.${number}`));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}
