export * from './driver.ts';
export * from './drivers.ts';
export * from './exec-driver.ts';
export * from './http-driver.ts';
export * from './masking.ts';
