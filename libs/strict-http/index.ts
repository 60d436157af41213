export * from './deliver-webhook.ts';
export * from './signed-webhook.ts';
export * from './strict-request.ts';
