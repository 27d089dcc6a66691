package style

// The colours (TestContrast holds them to WCAG 2.2), for a light background, a dark one and paper: of text, of a
// page's parts, of verdicts, and of what is drawn.
const (
	light = `--ink: #1b1f24; --soft: #59636e; --line: #d1d9e0; --paper: #ffffff; --card: #f6f8fa; --link: #0b57b0;
  --pass: #116329; --fail: #b3151f; --other: #7a4a00;
  --lane: #eef1f4; --write: #06366f; --wait: #4a8cd6; --handshake: #8250df; --blocked: #c47200; --end: #7a0016`
	dark = `--ink: #e6edf3; --soft: #9da7b1; --line: #3d444d; --paper: #0d1117; --card: #151b23; --link: #79b8ff;
  --pass: #57d977; --fail: #ff8b84; --other: #f0b95a;
  --lane: #1f262d; --write: #c3e2ff; --wait: #3f7fc8; --handshake: #bc8cff; --blocked: #b06a0e; --end: #ffd0cc`
	print = `--ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --card: #fff; --link: #000;
  --pass: #116329; --fail: #b3151f; --other: #7a4a00;
  --lane: #f2f2f2; --write: #06366f; --wait: #4a8cd6; --handshake: #8250df; --blocked: #c47200; --end: #7a0016`
)

// Palette gives the colours as custom properties to the elements that the
// selector matches, in the form of CSS.
func Palette(selector string) string {
	return selector + " { " + light + "; }\n" +
		"@media (prefers-color-scheme: dark) { " + selector + " { " + dark + "; } }\n" +
		"@media print { " + selector + " { " + print + "; } }\n"
}
