/**
 * The page under `/docs`: the models of this server, how to call each, and a form to try it.
 *
 * One file without outside resources, so it works on a closed network and under a strict content
 * security policy. It reads `/openapi.json` and `/v2/models/...` like any other client.
 */

const style = `
:root{color-scheme:light dark;--ink:#1d2733;--soft:#5b6b7d;--line:#d8dfe6;--mark:#0a6c74;
--back:#fff;
--card:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#9aa8b6;--line:#323d48;--mark:#4fc3cc;
--back:#12181e;--card:#1a222a}}
*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:2rem 1.25rem 4rem;
color:var(--ink);
background:var(--back);font:16px/1.5 system-ui,sans-serif}h1{font-size:1.6rem;margin:0}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem}a{color:var(--mark)}p{color:var(--soft);
margin:.3rem 0 1rem}
section{border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.2rem;margin:0 0 1rem}
section h3{margin:0;font-size:1.05rem}code,pre,textarea{font:13px/1.5 ui-monospace,monospace}
table{border-collapse:collapse;width:100%;margin:.6rem 0}td,th{text-align:left;padding:.25rem .8rem
.25rem 0;border-bottom:1px solid var(--line);vertical-align:top;font-weight:400}
th{color:var(--soft)}
pre,textarea{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.6rem;
width:100%;margin:.4rem 0;color:var(--ink);white-space:pre-wrap;overflow-wrap:anywhere}
textarea{min-height:4.5rem;resize:vertical}button{background:var(--mark);color:var(--back);border:0;
border-radius:.4rem;padding:.45rem 1rem;font:inherit;cursor:pointer}.bad{color:#c0392b}
label{color:var(--soft);font-size:.9rem}
`;

const script = `
const el=(tag,text,parent)=>{const e=document.createElement(tag);
if(text!==undefined)e.textContent=text;
if(parent)parent.append(e);return e};
const get=async url=>{const r=await fetch(url);return r.json()};
const shape=t=>t.datatype+' ['+t.shape.map(n=>n<0?'?':n).join(', ')+']';
async function show(name,version,detail){
const box=el('section',undefined,document.getElementById('models'));
el('h3',name+' '+version,box);if(detail.description)el('p',detail.description,box);
const table=el('table',undefined,box);
for(const [kind,list] of [['takes',detail.inputs],['gives',detail.outputs]])for(const t of list){
const row=el('tr',undefined,table);el('th',kind,row);el('td',t.name,row);el('td',shape(t),row);
el('td',(t.columns??t.labels??[]).map(c=>c.name??c).join(', '),row)}
el('label','POST /predict?model='+name+'&model_version='+version,box);
const area=el('textarea',undefined,box);area.setAttribute('aria-label','request body for '+name);
area.value=JSON.stringify(detail.example??{}).replaceAll(',',', ').replaceAll('":','": ');
const button=el('button','Send',box);const out=el('pre','',box);out.hidden=true;
button.onclick=async()=>{out.hidden=false;try{const r=await fetch('/predict?model='+
encodeURIComponent(name)+'&model_version='+encodeURIComponent(version),{method:'POST',
headers:{'content-type':'application/json'},body:area.value});
out.className=r.ok?'':'bad';
out.textContent=r.status+'  '+(r.headers.get('server-timing')??'')+'\\n'+
JSON.stringify(await r.json(),null,1)}catch(e){out.className='bad';out.textContent=String(e)}};
}
(async()=>{const models=await get('/models');for(const [name,versions] of Object.entries(models))
for(const version of versions){const detail=await get('/models/'+name+'?model_version='+version);
await show(name,version,detail)}
const api=await get('/openapi.json');const table=document.getElementById('routes');
for(const [path,item] of Object.entries(api.paths))for(const verb of ['get','post'])if(item[verb]){
const row=el('tr',undefined,table);el('td',verb.toUpperCase(),row);const cell=el('td',undefined,
row);
el('code',path,cell);el('td',item[verb].summary,row)}
})().catch(e=>{const p=el('p',String(e),document.body);p.className='bad'});
`;

/** The page as HTML. */
export function docsPage(): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>Millrace</title>
<style>${style}</style></head><body><h1>Millrace</h1>
<p>The models on this server. <a href="/openapi.json">openapi.json</a> ·
<a href="/asyncapi.json">asyncapi.json</a> · <a href="/metrics">metrics</a> ·
<a href="/health">health</a></p>
<h2>Models</h2><div id="models"></div>
<h2>Routes</h2><table id="routes"></table><script>${script}</script></body></html>`;
}
