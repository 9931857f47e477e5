/** The version of nspod; test/unit/daemon/version.test.ts keeps it equal to package.json's. */
export const version = "0.1.0";
