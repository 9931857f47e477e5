// Only the four rules that need types and that Biome cannot check (STYLE §7). Everything else
// (format, imports, style) is Biome's, so that no rule is stated twice.
import tseslint from "typescript-eslint";

export default [
  { ignores: ["dist/**", "node_modules/**", "coverage/**", "src/sys/abi.gen.ts"] },
  {
    files: ["src/**/*.ts", "test/**/*.ts"],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "@typescript-eslint": tseslint.plugin },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        // A switch over a union may end in `default: assertNever(x)` (STYLE §2).
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
];
