/** Every row class that TypeORM reads views with. */
export const rows: readonly (new () => object)[] = [];
