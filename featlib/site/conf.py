"""What Sphinx is told: which extensions, which theme, and that nothing comes from elsewhere."""

import featlib
from featlib.site import mathml
from featlib.site.addresses import REPOSITORY

project = "featlib"
author = "featlib contributors"
release = version = featlib.__version__
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc", mathml.__name__]
root_doc = "index"

suppress_warnings = ["misc.highlighting_failure"]  # code with … in the place of more code

nb_execution_mode = "off"  # what was stored is shown
nb_ipywidgets_js = {}
nb_merge_streams = True
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 4

default_role = "py:obj"  # `name` in a docstring: a link where there is such a name
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"exclude-members": "set"}  # matplotlib's own, which names its own roles
numpydoc_show_class_members = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "featlib"
templates_path = ["templates"]
html_css_files = ["site.css"]
# Blocks are looked for beside featlib.js.
html_js_files = [("featlib.js", {"defer": "defer"}), ("site.js", {"defer": "defer"})]
html_math_renderer = mathml.NAME
html_copy_source = False
html_show_sphinx = True
html_show_copyright = False
html_use_index = True
html_show_search_summary = False  # it is fetched, which a page from a folder cannot
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/progress.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_theme_options = {
    "source_repository": "",
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#8ec5ff", "color-brand-content": "#8ec5ff"},
    "footer_icons": [],
}
html_context = {"repository": REPOSITORY}
