"""`make pictures`: the phone pictures of README and docs, drawn from real conversations.

conversation.py has them (a throw-away server, our bot, Element's own library as the person),
page.py makes HTML of what the person received, browser.py makes PNG of that. No picture is a photo
of somebody's client: the page is ours, in page.css.
"""
