/* global chrome */
chrome.devtools.panels.create('muse-bus', 'icon.svg', 'panel.html');
