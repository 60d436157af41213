export * from './edge-app.ts';
