import { runView, viewSubscription } from '#libs/read-models';
import { readConfiguration } from '../../src/configuration.ts';
import { startPlimsoll } from '../../src/plimsoll.ts';
import { views } from '../../src/read-models.ts';
import type { Ready } from './app.ts';
import { artifactsView } from './views.ts';

// Forked by startApp: Plimsoll as users start it, and one view more, so that there is one whatever views the product has.
const plimsoll = await startPlimsoll(readConfiguration(process.env));
const stop = new AbortController();
const { log, codec, pool, registry } = plimsoll.infrastructure;
const running = runView({ view: artifactsView, log, codec, pool, registry, signal: stop.signal, onError: (error) => console.error(error) });

process.once('disconnect', () => {
  stop.abort();
  void running.then(() => plimsoll.stop()).then(() => process.exit(0));
});
process.send!({
  url: plimsoll.url,
  databaseUrl: plimsoll.infrastructure.databaseUrl,
  subscriptions: [artifactsView, ...views].map((view) => viewSubscription(view)),
} satisfies Ready);
