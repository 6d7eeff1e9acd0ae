"""What a stranger's notebook may hold to run scripts in slides, or to ask the network."""

import base64
import json

# ALERT stands for a script, URL for an address.
PAYLOADS = [
    "<script>ALERT</script>",
    "<script src=URL/s></script>",
    "<script type=module>import 'URL/m'</script>",
    "<img src=x onerror=ALERT>",
    "<img src=URL/i>",
    "<img srcset='URL/i 1x, URL/j 2x'>",
    "<img src=//127.0.0.1/i><img src='\\\\127.0.0.1\\i'>",
    "<img/src/onerror=ALERT>",
    "<img src=`x`onerror=ALERT>",
    "<picture><source srcset=URL/p><img></picture>",
    "<svg onload=ALERT></svg>",
    "<svg><script>ALERT</script></svg>",
    "<svg><script href=URL/s /></svg>",
    "<svg><image href=URL/x /><use href=URL/u#a /></svg>",
    "<svg><a xlink:href=javascript:ALERT><text y=20>x</text></a></svg>",
    "<svg><animate onbegin=ALERT attributeName=x dur=1s></svg>",
    "<svg><set attributeName=href to=javascript:ALERT /></svg>",
    "<svg><foreignObject><iframe src=URL/f></iframe></foreignObject></svg>",
    "<svg><style>@import 'URL/c';</style></svg>",
    "<svg></p><style><a title='</style><img src=x onerror=ALERT>'>",
    "<math><mtext><table><mglyph><style><!--</style>"
    "<img title='--&gt;&lt;img src onerror=ALERT&gt;'>",
    "<math><annotation-xml encoding=text/html><img src=x onerror=ALERT></annotation-xml></math>",
    "<math href=javascript:ALERT><mi>x</mi></math>",
    "<math><maction actiontype=statusline xlink:href=javascript:ALERT>x</maction></math>",
    "<math><mi style='background:url(URL/m)'>x</mi></math>",
    "<iframe src=URL/f></iframe>",
    "<iframe srcdoc='<script>parent.ALERT</script>'></iframe>",
    "<iframe src=javascript:ALERT></iframe>",
    "<iframe src='data:text/html,<script>ALERT</script>'></iframe>",
    "<object data=URL/o></object>",
    "<object data='data:text/html,<script>ALERT</script>'></object>",
    "<embed src=URL/e>",
    "<applet code=x archive=URL/a></applet>",
    "<frameset><frame src=URL/f></frameset>",
    "<video src=URL/v poster=URL/p autoplay onerror=ALERT></video>",
    "<audio src=URL/a autoplay></audio><video><track src=URL/t default></video>",
    "<link rel=stylesheet href=URL/c>",
    "<link rel=preload as=image href=URL/l><link rel=dns-prefetch href=URL>",
    "<link rel=icon href=URL/i>",
    "<link rel=import href=URL/l><link rel=prefetch href=URL/l><link rel=modulepreload href=URL/l>",
    "<style>@import url(URL/c);</style>",
    "<style>* { background: url(URL/b) !important }</style>",
    "<style>@font-face { font-family: x; src: url(URL/f) } * { font-family: x }</style>",
    "<style>@keyframes x {} * { animation: x }</style><b onanimationstart=ALERT>x</b>",
    "<p style='background: url(URL/b)'>x</p>",
    "<p style='background-image: image-set(\"URL/b\" 1x)'>x</p>",
    "<p style='color: red; position: fixed; inset: 0; z-index: 9999'>x</p>",
    "<p style='background: u\\72l(URL/b)'>x</p>",
    "<ul style='list-style: url(URL/l)'><li style='cursor: url(URL/c), auto'>x</ul>",
    "<table background=URL/t><tr><td background=URL/t>x</table>",
    "<body onload=ALERT background=URL/b>",
    "<meta http-equiv=refresh content='0; url=URL/r'>",
    "<meta http-equiv=refresh content='0; url=javascript:ALERT'>",
    "<meta http-equiv=Content-Security-Policy content=\"script-src 'unsafe-inline'\">",
    "<base href=URL/>",
    "<form action=URL/f><input name=a autofocus onfocus=ALERT></form>",
    "<form><button formaction=URL/g>x</button></form>",
    "<form id=Reveal><input name=initialize></form><a id=pwned>x</a>",
    "<isindex action=javascript:ALERT><input type=image src=URL/i>",
    "<a href=javascript:ALERT>x</a>",
    "<a href=' java\tscript:ALERT'>x</a>",
    "<a href='&#106;avascript:ALERT'>x</a>",
    "<a href='data:text/html,<script>ALERT</script>'>x</a>",
    "<a href=vbscript:ALERT>x</a><a href=blob:null/x>y</a>",
    "<a href=https://example.org ping=URL/p onclick=ALERT>x</a>",
    "<area href=javascript:ALERT><map name=m></map>",
    "<details open ontoggle=ALERT>x</details>",
    "<div onmouseover=ALERT onwheel=ALERT tabindex=0 onfocus=ALERT autofocus>x</div>",
    "<marquee onstart=ALERT>x</marquee>",
    "<template shadowrootmode=open><img src=x onerror=ALERT></template>",
    "<noscript><p title='</noscript><img src=x onerror=ALERT>'></noscript>",
    "<textarea><img title='</textarea><img src=x onerror=ALERT>'></textarea>",
    "<title><img title='</title><img src=x onerror=ALERT>'></title>",
    "<xmp><img title='</xmp><img src=x onerror=ALERT>'></xmp><plaintext>",
    "<!--><img src=x onerror=ALERT>-->",
    "<!--[if gte IE 4]><script>ALERT</script><![endif]-->",
    "<![CDATA[<img src=x onerror=ALERT>]]><?xml-stylesheet href='URL/x'?>",
    "</div></div></section></section></main><script>ALERT</script>",
    "</pre></aside></title></style></script><img src=x onerror=ALERT>",
    "<section data-background-image=URL/b data-background-iframe=URL/f>x</section>",
    "<section data-markdown=URL/m></section><div data-src=URL/d class='fragment r-stack'>x</div>",
    "<iframe data-src=URL/f data-autoplay></iframe><img data-src=URL/i>",
    "<a data-preview-link href=URL/p data-preview-image=URL/q>x</a>",
    "<aside class=notes data-markdown><script>ALERT</script></aside>",
    "<span id=deck name=Reveal class='page reveal slides controls'>x</span>",
    "<portal src=URL/p></portal><fencedframe src=URL/f></fencedframe>",
    "<dialog open><form method=dialog>x</form></dialog><button popovertarget=x>x</button>",
    "<custom-element onclick=ALERT>x</custom-element><x onclick=ALERT>y</x>",
    "<b><p><b><p><table><b><script>ALERT</script>",
    "\x00<scr\x00ipt>ALERT</scr\x00ipt><img src=x\x0conerror=ALERT>",
    "\x1b]0;title\x07\x1b[31m<img src=x onerror=ALERT>",
]  # fmt: skip

MARKDOWN = [
    "[x](javascript:ALERT)",
    "[x](<java\nscript:ALERT>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<javascript:ALERT>",
    "![x](URL/i)",
    "![x](attachment:a.png)",
    '![x](URL/i "\' onerror=ALERT")',
    "[x]: URL/r\n\n![x]",
    "`` ` ``<img src=x onerror=ALERT>",
    "```<img src=x onerror=ALERT>\n</code><script>ALERT</script>\n```",
    "```mermaid\ngraph <img src=x onerror=ALERT>\n```",
    "$\\text{<img src=x onerror=ALERT>}$ $\\href{javascript:ALERT}{x}$ $\\includegraphics{URL/g}$",
    "$</math><script>ALERT</script>$ $$<img src=x onerror=ALERT>$$",
    "| a |\n|---|\n| <img src=x onerror=ALERT> |",
    '[a](x.ipynb#"onclick=ALERT)',
    "> <script\n> >ALERT</script>",
]

_SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='ALERT'><script>ALERT</script>" + (
    "<image href='URL/i'/><a href='javascript:ALERT'><text y='20'>x</text></a></svg>"
)


def notebook(address):
    """Return the JSON of a notebook that has each of these at each place where it may lie."""

    def arm(text):
        return text.replace("ALERT", "alert(window.pwned=1)").replace("URL", address)

    def shown(**data):
        return {"output_type": "display_data", "data": data, "metadata": {}}

    def code(*outputs, **metadata):
        return {"cell_type": "code", "source": arm(PAYLOADS[0]), "outputs": list(outputs),
                "execution_count": 1, "metadata": metadata}  # fmt: skip

    def prose(text, **metadata):
        return {"cell_type": "markdown", "source": text, "metadata": metadata}

    cells = []
    for text in map(arm, PAYLOADS):
        cells += [
            prose(f"## T {text}\n\n{text}", slideshow={"slide_type": "slide"}),
            code(shown(**{"text/html": text})),
            code(shown(**{"text/markdown": text})),
            code({"output_type": "stream", "name": "stdout", "text": text}),
            code({"output_type": "error", "ename": text, "evalue": text, "traceback": [text]}),
            code(shown(**{"text/plain": text})),
            code(shown(**{"text/latex": f"${text}$", "text/plain": "x"})),
        ]
    for text in map(arm, MARKDOWN):
        evil = {
            "a.png": {'image/png"onerror="alert(1)': f'"{arm("onerror=ALERT")}', "text/html": text}
        }
        cells += [
            prose(f"## T\n\n{text}", slideshow={"slide_type": "subslide"}) | {"attachments": evil},
            code(shown(**{"text/markdown": text})),
        ]
    svg = arm(_SVG)
    quoted = '"><img src=x onerror=alert(window.pwned=1)>'
    alt = {"alt": quoted}
    cells += [
        code(shown(**{"application/javascript": arm("ALERT"), "text/plain": "x"})),
        code(shown(**{"text/javascript": arm("ALERT"), "application/x-javascript": arm("ALERT")})),
        code(shown(**{"application/vnd.jupyter.widget-view+json": {"model_id": quoted}})),
        code(shown(**{"application/vnd.holoviews_load.v0+json": "", "text/vnd.mermaid": quoted})),
        code(shown(**{"application/pdf": quoted, "image/gif": quoted, "video/mp4": quoted})),
        code(shown(**{"image/svg+xml": svg})),
        code(shown(**{"text/html": f"<img src='data:image/svg+xml,{svg}'>"})),
        code(shown(**{"image/png": quoted}) | {"metadata": {"image/png": alt}}),
        code(shown(**{"image/jpeg": quoted}) | {"metadata": {"image/jpeg": alt, "image/png": 3}}),
        code(slideshow={"slide_type": quoted}, kind=quoted, form=quoted, running=quoted),
        prose("## T", slideshow=3, form=True, running=quoted, magics_language=quoted),
        prose("## T", slideshow={"slide_type": ["slide"]}, kind="slide"),
    ]
    data = base64.b64encode(svg.encode()).decode()
    cells.append(code(shown(**{"text/html": f"<img src='data:image/svg+xml;base64,{data}'>"})))
    language = {"name": quoted, "pygments_lexer": quoted, "codemirror_mode": {"name": quoted}}
    about = {
        "title": quoted,
        "authors": [{"name": quoted}],
        "language_info": language,
        "kernelspec": {"name": quoted, "display_name": quoted, "language": quoted},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {quoted: {}}}},
    }
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 4})
